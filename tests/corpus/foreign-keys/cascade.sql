-- Migration: One DELETE that takes rows of other tables along
-- Version: 20250601_120000
-- Description: Nobody who deletes a user sees which
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS reviews (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE, -- finding: cascade-delete
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_reviews_user_id ON reviews (user_id);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS reviews;
