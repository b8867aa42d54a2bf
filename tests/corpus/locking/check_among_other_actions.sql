-- Migration: One of several actions of an ALTER TABLE is the slow one
-- Version: 20250601_120000
-- Description: The others are cheap, but wait for it, and so does everybody else
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE public.products
    ADD COLUMN IF NOT EXISTS barcode TEXT,
    ALTER COLUMN stock SET DEFAULT 1,
    ADD CONSTRAINT check_products_stock CHECK (stock >= 0); -- finding: check-without-not-valid, constraint-may-fail

-- ============= DOWN MIGRATION ============

ALTER TABLE public.products
    DROP CONSTRAINT IF EXISTS check_products_stock,
    ALTER COLUMN stock SET DEFAULT 0,
    DROP COLUMN IF EXISTS barcode;
