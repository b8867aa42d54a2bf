-- Migration: What SQLite understands and Postgres does not
-- Version: 20250601_120000
-- Description: AUTOINCREMENT has no underscore there
-- Dependencies: []
-- corpus: families = ["portability"]
-- corpus: runs = "Postgres cannot read it"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- finding: foreign-dialect
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
