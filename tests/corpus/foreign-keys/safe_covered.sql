-- Migration: Foreign keys that an index covers, in all its dresses
-- Version: 20250601_120000
-- Description: A primary key, a unique constraint, a partial index of all that are not NULL, an index made later in the file
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS reviews (
    product_id UUID NOT NULL REFERENCES products (id),
    user_id UUID NOT NULL REFERENCES users (id),
    order_id UUID REFERENCES orders (id) ON DELETE SET NULL,
    invoice_id UUID REFERENCES invoices (id) UNIQUE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (product_id, user_id)
);

CREATE INDEX IF NOT EXISTS idx_reviews_order_id ON reviews (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_reviews_user_id_created_at ON reviews (user_id, created_at);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS reviews;
