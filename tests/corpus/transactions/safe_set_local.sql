-- Migration: Settings that end with the transaction
-- Version: 20250601_120000
-- Description: SET LOCAL, and set_config with true
-- Dependencies: []

-- ============= UP MIGRATION =============

SET LOCAL search_path = public;
SET LOCAL statement_timeout = '2min';
SELECT set_config('work_mem', '64MB', true);

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
