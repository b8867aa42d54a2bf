-- Migration: A varchar that grows, or becomes text: the rows stay as they are
-- Version: 20250601_120000
-- Description: Postgres knows that the old limit implies the new one
-- Dependencies: []
-- corpus: families = ["locking", "data"]

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(500);

ALTER TABLE users ALTER COLUMN full_name TYPE TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE users ALTER COLUMN full_name TYPE VARCHAR(100);
ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(200);
