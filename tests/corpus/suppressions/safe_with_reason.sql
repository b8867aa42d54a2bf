-- Migration: Two findings that somebody has thought about
-- Version: 20250601_120000
-- Description: Above the statement, and at its end
-- Dependencies: []
-- Irreversible: the table is gone

-- ============= UP MIGRATION =============

-- elf: allow index-without-concurrently, duplicate-index -- the shop is closed on that day
CREATE INDEX IF NOT EXISTS idx_orders_by_user ON orders (user_id);

DROP TABLE IF EXISTS legacy_sessions; -- elf: allow drop-table -- empty since March
