-- Migration: A column and its values in one transaction
-- Version: 20250601_120000
-- Description: The UPDATE of every row runs while ACCESS EXCLUSIVE is held
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

UPDATE orders SET channel = 'web' WHERE channel IS NULL; -- finding: backfill-in-schema-change, work-under-exclusive-lock

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
