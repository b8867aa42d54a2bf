-- Migration: Settings of the whole server, written by a migration of one database
-- Version: 20250601_120000
-- Description: They outlive it, and other databases get them too
-- Dependencies: []
-- Transaction: none
-- Irreversible: the old setting is not known here
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

ALTER SYSTEM SET log_min_duration_statement = 0; -- finding: system-change
