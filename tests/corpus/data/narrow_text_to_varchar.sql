-- Migration: A text that gets a limit
-- Version: 20250601_120000
-- Description: The same, from text
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ALTER COLUMN title TYPE VARCHAR(80); -- finding: narrowing-type, column-type-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE products ALTER COLUMN title TYPE TEXT;
