-- Migration: A timestamp becomes a timestamptz for free where the session's time zone is UTC
-- Version: 20250601_120000
-- Description: The migration makes sure of it
-- Dependencies: []
-- corpus: families = ["locking", "data"]

-- ============= UP MIGRATION =============

SET LOCAL timezone = 'UTC';

ALTER TABLE orders ALTER COLUMN shipped_at TYPE TIMESTAMPTZ;

-- ============= DOWN MIGRATION ============

SET LOCAL timezone = 'UTC';

ALTER TABLE orders ALTER COLUMN shipped_at TYPE TIMESTAMP;
