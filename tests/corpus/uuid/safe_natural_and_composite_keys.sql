-- Migration: Keys that are not surrogates need not be UUIDs
-- Version: 20250601_120000
-- Description: A text that has a meaning, a pair of references, a one-to-one extension of another table
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS countries (
    code TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_settings (
    user_id UUID PRIMARY KEY REFERENCES users (id),
    theme TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS favourites (
    user_id UUID NOT NULL REFERENCES users (id),
    product_id UUID NOT NULL REFERENCES products (id),
    PRIMARY KEY (user_id, product_id)
);

CREATE INDEX IF NOT EXISTS idx_favourites_product_id ON favourites (product_id);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS favourites;
DROP TABLE IF EXISTS user_settings;
DROP TABLE IF EXISTS countries;
