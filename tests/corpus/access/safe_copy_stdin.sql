-- Migration: COPY without a file of the server
-- Version: 20250601_120000
-- Description: The client sends the rows
-- Dependencies: []
-- corpus: families = ["access"]
-- corpus: runs = "rows follow on the wire"

-- ============= UP MIGRATION =============

COPY coupons (code) FROM STDIN;

-- ============= DOWN MIGRATION ============

SELECT 1;
