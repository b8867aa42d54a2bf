-- Migration: An index on the parent alone is invalid and costs nothing
-- Version: 20250601_120000
-- Description: It waits for the indexes of the partitions
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE INDEX IF NOT EXISTS idx_events_kind ON ONLY events (kind);

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_events_kind;
