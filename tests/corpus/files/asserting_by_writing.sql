-- Migration: A VERIFY section that tries the new column by writing to it
-- Version: 20250601_120000
-- Description: VERIFY is read-only, so the migration would be taken back whenever it is deployed
-- Dependencies: []
-- corpus: families = ["files"]

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= VERIFY =============

SELECT count(*) = 0 AS none_is_known FROM orders WHERE channel IS NOT NULL;
UPDATE orders SET channel = 'web' WHERE id = 1; -- finding: unusable-assertion

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
