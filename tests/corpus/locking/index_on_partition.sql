-- Migration: A partition is a table in use like any other
-- Version: 20250601_120000
-- Description: The index of one month of events, built the plain way
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE INDEX IF NOT EXISTS idx_events_2025_01_kind ON events_2025_01 (kind); -- finding: index-without-concurrently

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_events_2025_01_kind;
