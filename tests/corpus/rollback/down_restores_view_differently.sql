-- Migration: A view is put back without its condition
-- Version: 20250601_120000
-- Description: active_users would show everyone
-- Dependencies: []

-- ============= UP MIGRATION =============

DROP VIEW IF EXISTS active_users; -- finding: incomplete-down

-- ============= DOWN MIGRATION ============

CREATE OR REPLACE VIEW active_users AS SELECT id, email FROM users;
