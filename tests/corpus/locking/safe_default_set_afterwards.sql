-- Migration: A volatile default for new rows only
-- Version: 20250601_120000
-- Description: The column comes without it; SET DEFAULT changes nothing that is stored
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS token UUID;
ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid();

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS token;
