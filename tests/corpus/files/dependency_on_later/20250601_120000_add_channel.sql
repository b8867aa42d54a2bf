-- Migration: A dependency on a file with a later version
-- Version: 20250601_120000
-- Description: Files are applied in the order of their versions
-- Dependencies: ["20250602_120000_add_region"] -- finding: dependency-later

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
