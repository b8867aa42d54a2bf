-- Migration: A table attached as a partition is read from end to end first
-- Version: 20250601_120000
-- Description: A validated CHECK that says the same as the bounds would save the scan
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE events ATTACH PARTITION events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); -- finding: partition-attach-scan

-- ============= DOWN MIGRATION ============

ALTER TABLE events DETACH PARTITION events_2024;
