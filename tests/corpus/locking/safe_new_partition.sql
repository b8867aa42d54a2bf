-- Migration: A new, empty partition
-- Version: 20250601_120000
-- Description: CREATE TABLE … PARTITION OF locks the parent for a moment and reads nothing
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS events_2025_02 PARTITION OF events
    FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS events_2025_02;
