-- Migration: A foreign key that no index covers
-- Version: 20250601_120000
-- Description: Deleting one product reads all its reviews, while it holds a lock
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS reviews (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    product_id UUID NOT NULL REFERENCES products (id), -- finding: unindexed-foreign-key
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS reviews;
