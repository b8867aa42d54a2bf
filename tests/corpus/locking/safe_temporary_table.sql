-- Migration: A temporary table belongs to this session alone
-- Version: 20250601_120000
-- Description: Nobody else can wait for it
-- Dependencies: []
-- Irreversible: only the statistics of a report are new

-- ============= UP MIGRATION =============

CREATE TEMPORARY TABLE IF NOT EXISTS recent_orders (id UUID PRIMARY KEY, total NUMERIC(10,2)) ON COMMIT DROP;

INSERT INTO recent_orders (id, total) SELECT id, total FROM orders WHERE created_at > now() - INTERVAL '1 day';

CREATE INDEX IF NOT EXISTS idx_recent_orders_total ON recent_orders (total);

ANALYZE recent_orders;
