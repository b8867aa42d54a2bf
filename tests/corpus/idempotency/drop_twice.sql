-- Migration: A DROP that fails the second time
-- Version: 20250601_120000
-- Description: In UP and in DOWN
-- Dependencies: []

-- ============= UP MIGRATION =============

DROP VIEW active_users; -- finding: drop-without-if-exists

ALTER TABLE users DROP CONSTRAINT unique_users_email; -- finding: drop-without-if-exists

-- ============= DOWN MIGRATION ============

ALTER TABLE users ADD CONSTRAINT unique_users_email UNIQUE (email);

CREATE OR REPLACE VIEW active_users AS SELECT id, email FROM users WHERE is_active;
