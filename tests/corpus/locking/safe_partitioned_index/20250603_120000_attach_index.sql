-- Migration: Attaching the last partition's index makes the parent's valid
-- Version: 20250603_120000
-- Description: No data is read
-- Dependencies: []
-- Irreversible: an index cannot be detached; dropping the parent's takes it along

-- ============= UP MIGRATION =============

ALTER INDEX idx_events_kind ATTACH PARTITION idx_events_2025_01_kind;
