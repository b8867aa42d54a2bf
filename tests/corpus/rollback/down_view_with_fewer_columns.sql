-- Migration: CREATE OR REPLACE VIEW cannot take a column away
-- Version: 20250601_120000
-- Description: Postgres refuses: cannot drop columns from view
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE VIEW active_users AS SELECT id, email, full_name FROM users WHERE is_active;

-- ============= DOWN MIGRATION ============

CREATE OR REPLACE VIEW active_users AS SELECT id, email FROM users WHERE is_active; -- finding: down-cannot-run
