-- Migration: A new table and its first rows
-- Version: 20250601_120000
-- Description: Literal rows of a table that nobody uses yet
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS currencies (
    code TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO currencies (code, title) VALUES ('EUR', 'Euro'), ('USD', 'US dollar') ON CONFLICT (code) DO NOTHING;

UPDATE currencies SET title = trim(title);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS currencies;
