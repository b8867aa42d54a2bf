-- Migration: An index on a partitioned table is built on every partition under one lock
-- Version: 20250601_120000
-- Description: CONCURRENTLY cannot be used on the parent: build it on each partition and attach it
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE INDEX IF NOT EXISTS idx_events_kind ON events (kind); -- finding: index-without-concurrently

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_events_kind;
