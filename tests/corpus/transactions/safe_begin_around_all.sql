-- Migration: One BEGIN … COMMIT around the whole section is the file's own transaction
-- Version: 20250601_120000
-- Description: It is run as one
-- Dependencies: []

-- ============= UP MIGRATION =============

BEGIN;

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;
ALTER TABLE users ADD COLUMN IF NOT EXISTS channel TEXT;

COMMIT;

-- ============= DOWN MIGRATION ============

BEGIN;

ALTER TABLE users DROP COLUMN IF EXISTS channel;
ALTER TABLE orders DROP COLUMN IF EXISTS channel;

COMMIT;
