-- Migration: One of several new columns has no value for the old rows
-- Version: 20250601_120000
-- Description: The names are quoted, the action is the second of three
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE ONLY "public"."users"
    ADD COLUMN IF NOT EXISTS locale TEXT NOT NULL DEFAULT 'en',
    ADD COLUMN IF NOT EXISTS "timezone" TEXT NOT NULL, -- finding: not-null-without-default
    ADD COLUMN IF NOT EXISTS theme TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE users DROP COLUMN IF EXISTS theme, DROP COLUMN IF EXISTS "timezone", DROP COLUMN IF EXISTS locale;
