-- Migration: A table dropped with its rows
-- Version: 20250601_120000
-- Description: Code that still reads it fails at once
-- Dependencies: []
-- Irreversible: the sessions are gone

-- ============= UP MIGRATION =============

DROP TABLE IF EXISTS legacy_sessions; -- finding: drop-table
