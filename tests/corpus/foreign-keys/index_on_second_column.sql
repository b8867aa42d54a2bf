-- Migration: An index that has the key as its second column does not serve it
-- Version: 20250601_120000
-- Description: Nor does one of only some rows
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS reviews (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    product_id UUID NOT NULL REFERENCES products (id), -- finding: unindexed-foreign-key
    user_id UUID NOT NULL REFERENCES users (id), -- finding: unindexed-foreign-key
    stars INTEGER,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_reviews_stars_product_id ON reviews (stars, product_id);
CREATE INDEX IF NOT EXISTS idx_reviews_user_id_best ON reviews (user_id) WHERE stars = 5;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS reviews;
