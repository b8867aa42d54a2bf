-- Migration: A migration that cannot be undone, and says why
-- Version: 20250601_120000
-- Description: Instead of a DOWN section that pretends
-- Dependencies: []
-- Irreversible: the nicknames are gone; restore them from the backup of the day before

-- ============= UP MIGRATION =============

-- elf: allow drop-column -- nobody has read it since March
ALTER TABLE users DROP COLUMN IF EXISTS nickname;
