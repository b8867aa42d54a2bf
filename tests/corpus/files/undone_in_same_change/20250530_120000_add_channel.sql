-- Migration: A migration that the main branch has
-- Version: 20250530_120000
-- Description: As it was merged
-- Dependencies: []
-- corpus: families = ["files"]

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
