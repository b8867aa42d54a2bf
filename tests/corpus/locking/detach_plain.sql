-- Migration: A partition detached the plain way
-- Version: 20250601_120000
-- Description: ACCESS EXCLUSIVE on the parent stops every query on all partitions
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE events DETACH PARTITION events_2025_01; -- finding: partition-detach

-- ============= DOWN MIGRATION ============

ALTER TABLE events ATTACH PARTITION events_2025_01 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
