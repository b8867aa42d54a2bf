-- Migration: What the main branch has
-- Version: 20250501_120000
-- Description: It has nothing to do with what follows
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
