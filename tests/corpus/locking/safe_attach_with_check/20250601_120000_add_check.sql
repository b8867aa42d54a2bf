-- Migration: A partition attached without a scan, step one: a CHECK that says what the bounds will say
-- Version: 20250601_120000
-- Description: For new rows only
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE events_2024
    ADD CONSTRAINT check_events_2024_occurred_at
    CHECK (occurred_at IS NOT NULL AND occurred_at >= '2024-01-01' AND occurred_at < '2025-01-01') NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE events_2024 DROP CONSTRAINT IF EXISTS check_events_2024_occurred_at;
