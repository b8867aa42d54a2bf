-- Migration: DOWN drops the table and forgets the function
-- Version: 20250601_120000
-- Description: CREATE OR REPLACE hides it the next time
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE OR REPLACE FUNCTION parcel_count() RETURNS BIGINT LANGUAGE sql AS 'SELECT count(*) FROM parcels'; -- finding: incomplete-down

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
