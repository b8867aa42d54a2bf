-- Migration: Indexes rebuilt beside readers and writers
-- Version: 20250601_120000
-- Description: Since Postgres 12
-- Dependencies: []
-- Transaction: none
-- Irreversible: the same indexes, only smaller

-- ============= UP MIGRATION =============

REINDEX INDEX CONCURRENTLY idx_orders_user_id;
REINDEX (VERBOSE, CONCURRENTLY) TABLE products;
