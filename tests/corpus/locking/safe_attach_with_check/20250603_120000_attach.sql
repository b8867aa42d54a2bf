-- Migration: Step three: the validated CHECK proves the bounds, so nothing is read
-- Version: 20250603_120000
-- Description: The parent is locked for a moment, and only against other DDL
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE events ATTACH PARTITION events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');

-- ============= DOWN MIGRATION ============

ALTER TABLE events DETACH PARTITION events_2024;
