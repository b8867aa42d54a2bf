-- Migration: A DELETE without WHERE
-- Version: 20250601_120000
-- Description: All rows go, one by one, with their foreign keys looked up
-- Dependencies: []
-- Irreversible: the rows are gone

-- ============= UP MIGRATION =============

DELETE FROM audit_log; -- finding: delete-without-where
