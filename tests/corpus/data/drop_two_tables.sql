-- Migration: Two tables in one statement
-- Version: 20250601_120000
-- Description: Both are old
-- Dependencies: []
-- Irreversible: the rows are gone

-- ============= UP MIGRATION =============

DROP TABLE IF EXISTS public.legacy_sessions, "audit_log"; -- finding: drop-table
