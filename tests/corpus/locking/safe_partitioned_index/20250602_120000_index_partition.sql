-- Migration: The partition's index is built concurrently
-- Version: 20250602_120000
-- Description: Writers go on
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_events_2025_01_kind ON events_2025_01 (kind);

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_events_2025_01_kind;
