-- Migration: DOWN drops the table that another one refers to
-- Version: 20250601_120000
-- Description: Postgres refuses: other objects depend on it
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS depots (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS depot_doors (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    depot_id UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT fk_depot_doors_depot_id FOREIGN KEY (depot_id) REFERENCES depots (id)
);

CREATE INDEX IF NOT EXISTS idx_depot_doors_depot_id ON depot_doors (depot_id);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS depots; -- finding: down-cannot-run
DROP TABLE IF EXISTS depot_doors;
