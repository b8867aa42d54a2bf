-- Migration: text and varchar without a length are the same in storage
-- Version: 20250601_120000
-- Description: Going from one to the other only changes the catalog
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users ALTER COLUMN nickname TYPE VARCHAR;

-- ============= DOWN MIGRATION ============

ALTER TABLE users ALTER COLUMN nickname TYPE TEXT;
