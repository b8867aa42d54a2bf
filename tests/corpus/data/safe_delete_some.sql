-- Migration: Rows that a WHERE names
-- Version: 20250601_120000
-- Description: One day's entries, by a column
-- Dependencies: []
-- Irreversible: the entries of robots are gone

-- ============= UP MIGRATION =============

DELETE FROM audit_log WHERE actor = 'robot' AND created_at < '2024-01-01';
