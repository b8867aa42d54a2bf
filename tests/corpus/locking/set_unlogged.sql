-- Migration: A table made unlogged, or logged again, is copied under ACCESS EXCLUSIVE
-- Version: 20250601_120000
-- Description: And what is unlogged is empty after a crash
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE audit_log SET UNLOGGED; -- finding: table-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE audit_log SET LOGGED;
