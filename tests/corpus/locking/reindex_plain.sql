-- Migration: Indexes rebuilt the plain way
-- Version: 20250601_120000
-- Description: REINDEX locks out writers of the table, and readers that would use the index
-- Dependencies: []
-- Irreversible: the same indexes, only smaller

-- ============= UP MIGRATION =============

REINDEX INDEX idx_orders_user_id; -- finding: reindex-without-concurrently

REINDEX TABLE public.products; -- finding: reindex-without-concurrently
