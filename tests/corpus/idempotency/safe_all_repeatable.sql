-- Migration: Everything can be run twice
-- Version: 20250601_120000
-- Description: IF NOT EXISTS, OR REPLACE, IF EXISTS, a guard for the type, DROP before CREATE for the policy
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE SCHEMA IF NOT EXISTS depot;

CREATE SEQUENCE IF NOT EXISTS depot.door_numbers;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'door_side') THEN
        CREATE TYPE door_side AS ENUM ('left', 'right');
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS depot.doors (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    side door_side,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_doors_side ON depot.doors (side);

CREATE OR REPLACE VIEW left_doors AS SELECT id FROM depot.doors WHERE side = 'left';

ALTER TABLE depot.doors ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS doors_read ON depot.doors;
CREATE POLICY doors_read ON depot.doors FOR SELECT USING (side = 'left');

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS left_doors;
DROP TABLE IF EXISTS depot.doors;
DROP TYPE IF EXISTS door_side;
DROP SEQUENCE IF EXISTS depot.door_numbers;
DROP SCHEMA IF EXISTS depot;
