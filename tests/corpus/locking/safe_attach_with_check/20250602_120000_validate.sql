-- Migration: Step two: the old rows are checked beside readers and writers
-- Version: 20250602_120000
-- Description: VALIDATE takes the weak lock
-- Dependencies: []
-- Irreversible: a constraint cannot be made invalid again

-- ============= UP MIGRATION =============

ALTER TABLE events_2024 VALIDATE CONSTRAINT check_events_2024_occurred_at;
