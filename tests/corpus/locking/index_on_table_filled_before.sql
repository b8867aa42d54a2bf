-- Migration: A table made and filled above, each statement committed: it is in use by the time its index is built
-- Version: 20250601_120000
-- Description: Without a transaction around them, others see the table as soon as it is there
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS order_search (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO order_search (body) SELECT note FROM orders;

CREATE INDEX IF NOT EXISTS idx_order_search_body ON order_search (body); -- finding: index-without-concurrently

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_order_search_created_at ON order_search (created_at);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS order_search;
