-- Migration: DOWN makes an empty column of what held data
-- Version: 20250601_120000
-- Description: It runs, and nothing says that the values are gone
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users DROP COLUMN IF EXISTS nickname; -- finding: drop-column

-- ============= DOWN MIGRATION ============

ALTER TABLE users ADD COLUMN IF NOT EXISTS nickname TEXT; -- finding: irreversible-step
