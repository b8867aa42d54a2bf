-- Migration: What MySQL understands and Postgres does not
-- Version: 20250601_120000
-- Description: AUTO_INCREMENT is GENERATED ALWAYS AS IDENTITY here
-- Dependencies: []
-- corpus: families = ["portability"]
-- corpus: runs = "Postgres cannot read it"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id INT AUTO_INCREMENT PRIMARY KEY, -- finding: foreign-dialect
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
