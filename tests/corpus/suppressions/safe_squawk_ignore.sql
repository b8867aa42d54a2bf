-- Migration: The comment that another linter knows
-- Version: 20250601_120000
-- Description: Its names are understood where they mean the same
-- Dependencies: []
-- corpus: families = ["locking", "suppressions"]

-- ============= UP MIGRATION =============

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS idx_orders_status ON orders (status);

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_orders_status;
