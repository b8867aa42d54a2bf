-- Migration: A constraint that goes loses no data
-- Version: 20250601_120000
-- Description: The lock is short
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users DROP CONSTRAINT IF EXISTS unique_users_email;

-- ============= DOWN MIGRATION ============

ALTER TABLE users ADD CONSTRAINT unique_users_email UNIQUE (email);
