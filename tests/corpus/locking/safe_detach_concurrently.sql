-- Migration: A partition detached while queries run
-- Version: 20250601_120000
-- Description: Since Postgres 14; not in a transaction
-- Dependencies: []
-- Transaction: none
-- Irreversible: a CHECK stays that says what the bounds said; attaching the partition again is a migration of its own

-- ============= UP MIGRATION =============

ALTER TABLE events DETACH PARTITION events_2025_01 CONCURRENTLY;
