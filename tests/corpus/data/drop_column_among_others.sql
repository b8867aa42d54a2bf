-- Migration: A column dropped by the last of three actions
-- Version: 20250601_120000
-- Description: DOWN brings the column back, but not what it held
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS display_name TEXT,
    ALTER COLUMN is_active SET DEFAULT false,
    DROP COLUMN IF EXISTS nickname; -- finding: drop-column

-- ============= DOWN MIGRATION ============

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS nickname TEXT, -- finding: irreversible-step
    ALTER COLUMN is_active SET DEFAULT true,
    DROP COLUMN IF EXISTS display_name;
