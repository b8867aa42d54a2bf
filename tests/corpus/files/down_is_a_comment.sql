-- Migration: A DOWN section that only promises
-- Version: 20250601_120000
-- Description: The section is there, so nobody notices that it does nothing
-- Dependencies: []
-- corpus: families = ["files"]

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============ -- finding: comment-only-section

-- To be done.
