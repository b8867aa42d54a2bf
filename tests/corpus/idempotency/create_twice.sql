-- Migration: Statements that fail the second time
-- Version: 20250601_120000
-- Description: After a run that stopped half-way, somebody has to clean up by hand
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE SCHEMA depot; -- finding: create-without-if-not-exists

CREATE TABLE depot.doors ( -- finding: create-without-if-not-exists
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    side TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX idx_doors_side ON depot.doors (side); -- finding: create-without-if-not-exists

ALTER TABLE orders ADD COLUMN door TEXT; -- finding: create-without-if-not-exists

CREATE SEQUENCE door_numbers; -- finding: create-without-if-not-exists

CREATE TYPE door_side AS ENUM ('left', 'right'); -- finding: create-without-if-not-exists

-- ============= DOWN MIGRATION ============

DROP TYPE IF EXISTS door_side;
DROP SEQUENCE IF EXISTS door_numbers;
ALTER TABLE orders DROP COLUMN IF EXISTS door;
DROP TABLE IF EXISTS depot.doors;
DROP SCHEMA IF EXISTS depot;
