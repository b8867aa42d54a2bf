-- Migration: A short lock without a limit to the wait for it
-- Version: 20250601_120000
-- Description: Behind a long query it waits, and everybody waits behind it; lock_timeout gives up in time
-- Dependencies: []
-- corpus: lock-timeout = ""

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS gift BOOLEAN; -- finding: missing-lock-timeout

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS gift;
