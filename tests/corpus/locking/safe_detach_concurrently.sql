-- Migration: A partition detached while queries run
-- Version: 20250601_120000
-- Description: Since Postgres 14; not in a transaction
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

ALTER TABLE events DETACH PARTITION events_2025_01 CONCURRENTLY;

-- ============= DOWN MIGRATION ============

ALTER TABLE events ATTACH PARTITION events_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
