-- Migration: A numeric with fewer digits before the point
-- Version: 20250601_120000
-- Description: numeric field overflow, for the dearest order of all
-- Dependencies: []
-- Irreversible: nothing is lost that fits

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN total TYPE NUMERIC(8,2); -- finding: narrowing-type, column-type-rewrite
