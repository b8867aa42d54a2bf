-- Migration: A numeric with another scale has to be rounded or padded in every row
-- Version: 20250601_120000
-- Description: Only the precision may grow for free
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN total TYPE NUMERIC(14,4); -- finding: column-type-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ALTER COLUMN total TYPE NUMERIC(10,2);
