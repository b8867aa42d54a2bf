-- Migration: A migration that the main branch has, changed
-- Version: 20250601_120000
-- Description: Databases that ran the old text will never run the new one
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel VARCHAR(20); -- finding: executed-migration-changed

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
