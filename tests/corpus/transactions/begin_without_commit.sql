-- Migration: A BEGIN that nothing ends
-- Version: 20250601_120000
-- Description: Whoever runs the file with psql loses all of it at the end of the session
-- Dependencies: []
-- corpus: families = ["transactions"]
-- corpus: runs = "the executor refuses it"

-- ============= UP MIGRATION =============

BEGIN; -- finding: unclosed-transaction
ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
