-- Migration: A short lock with a limit to the wait for it
-- Version: 20250601_120000
-- Description: SET LOCAL ends with the transaction
-- Dependencies: []
-- corpus: lock-timeout = ""

-- ============= UP MIGRATION =============

SET LOCAL lock_timeout = '3s';

ALTER TABLE orders ADD COLUMN IF NOT EXISTS gift BOOLEAN;

-- ============= DOWN MIGRATION ============

SET LOCAL lock_timeout = '3s';

ALTER TABLE orders DROP COLUMN IF EXISTS gift;
