-- Migration: A column dropped with its values
-- Version: 20250601_120000
-- Description: Servers that still run the old code fail on it until they are replaced
-- Dependencies: []
-- Irreversible: the notes are gone

-- ============= UP MIGRATION =============

ALTER TABLE orders DROP COLUMN IF EXISTS note; -- finding: drop-column
