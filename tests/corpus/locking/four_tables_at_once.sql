-- Migration: Four tables locked in one transaction
-- Version: 20250601_120000
-- Description: Each lock is short, but the first waits for the queues of all others, and deadlocks are near
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users ADD COLUMN IF NOT EXISTS source TEXT;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS source TEXT;
ALTER TABLE invoices ADD COLUMN IF NOT EXISTS source TEXT;
ALTER TABLE products ADD COLUMN IF NOT EXISTS source TEXT; -- finding: many-tables-locked

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP COLUMN IF EXISTS source;
ALTER TABLE invoices DROP COLUMN IF EXISTS source;
ALTER TABLE orders DROP COLUMN IF EXISTS source;
ALTER TABLE users DROP COLUMN IF EXISTS source;
