-- Migration: A function that the migration calls does what its body says, now
-- Version: 20250601_120000
-- Description: The same body is no matter as long as nobody calls it
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION add_missing_indexes() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS idx_products_sku ON products (sku); -- finding: index-without-concurrently
END
$$;

SELECT add_missing_indexes();

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_products_sku;
DROP FUNCTION IF EXISTS add_missing_indexes();
