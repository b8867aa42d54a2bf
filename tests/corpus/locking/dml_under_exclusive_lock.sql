-- Migration: Slow work on one table while another one is locked for everybody
-- Version: 20250601_120000
-- Description: Nobody can read orders until the products are done
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

UPDATE products SET stock = 0 WHERE stock < 0; -- finding: work-under-exclusive-lock, backfill-in-schema-change

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
