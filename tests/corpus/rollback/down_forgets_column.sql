-- Migration: DOWN undoes one of two changes
-- Version: 20250601_120000
-- Description: The next UP meets a column that is still there
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;
ALTER TABLE users ADD COLUMN IF NOT EXISTS channel TEXT; -- finding: incomplete-down

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
