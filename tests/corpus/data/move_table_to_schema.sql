-- Migration: A table moved to another schema is renamed for everyone who named the schema
-- Version: 20250601_120000
-- Description: And for all others, unless their search_path knows the new one
-- Dependencies: []
-- corpus: families = ["data"]

-- ============= UP MIGRATION =============

ALTER TABLE audit_log SET SCHEMA reports; -- finding: rename-table

-- ============= DOWN MIGRATION ============

ALTER TABLE reports.audit_log SET SCHEMA public;
