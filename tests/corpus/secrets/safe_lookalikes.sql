-- Migration: What looks like a secret and is none
-- Version: 20250601_120000
-- Description: Public keys, hashes, ids, addresses without a password, the names of variables
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS providers (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    title TEXT NOT NULL,
    password_hash TEXT,
    api_key_name TEXT DEFAULT 'STRIPE_SECRET_KEY',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO providers (id, title) VALUES
    ('0b8f5b3e-6c1d-4c49-9f2b-6a7e8a4f3d21', 'https://db.internal:5432/app?sslmode=require'),
    ('7d1f8c52-3a8e-4b0e-8d55-1f0c2b9a6e77', 'sha256:{{sha}}'),
    ('c3a5e1b7-92d4-4f6a-b1c8-5e7d9f0a2b34', 'postgresql://app@db.internal/app');

COMMENT ON TABLE providers IS 'the anon key is public: {{anon jwt}}';

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS providers;
