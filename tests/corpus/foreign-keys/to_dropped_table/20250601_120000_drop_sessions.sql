-- Migration: A table goes
-- Version: 20250601_120000
-- Description: Nobody needs it, it is said
-- Dependencies: []
-- Irreversible: the sessions are gone

-- ============= UP MIGRATION =============

DROP TABLE IF EXISTS legacy_sessions; -- finding: drop-table
