-- Migration: Two of them in one file: each statement runs on its own
-- Version: 20250601_120000
-- Description: A file without a transaction may hold several such statements
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_products_sku ON public.products (sku);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_products_title ON public.products (lower(title));

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS public.idx_products_title;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_products_sku;
