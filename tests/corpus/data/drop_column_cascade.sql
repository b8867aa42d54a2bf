-- Migration: A column dropped with everything that reads it
-- Version: 20250601_120000
-- Description: The view active_users goes too
-- Dependencies: []
-- Irreversible: the addresses are gone

-- ============= UP MIGRATION =============

ALTER TABLE users DROP COLUMN IF EXISTS email CASCADE; -- finding: drop-column, drop-cascade
