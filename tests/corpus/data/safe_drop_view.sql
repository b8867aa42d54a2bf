-- Migration: A view holds no data, so dropping it loses none
-- Version: 20250601_120000
-- Description: DOWN makes it again
-- Dependencies: []

-- ============= UP MIGRATION =============

DROP VIEW IF EXISTS active_users;

-- ============= DOWN MIGRATION ============

CREATE OR REPLACE VIEW active_users AS SELECT id, email FROM users WHERE is_active;
