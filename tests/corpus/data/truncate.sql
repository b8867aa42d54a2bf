-- Migration: TRUNCATE takes ACCESS EXCLUSIVE and every row
-- Version: 20250601_120000
-- Description: No trigger for rows fires, so no audit trail says what was there
-- Dependencies: []
-- Irreversible: the entries are gone

-- ============= UP MIGRATION =============

TRUNCATE TABLE audit_log; -- finding: truncate
