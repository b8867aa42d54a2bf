-- Migration: A key of another type than what it refers to
-- Version: 20250601_120000
-- Description: It works, and each look-up has to convert
-- Dependencies: []
-- corpus: families = ["foreign-keys"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS sensors (
    number INTEGER PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS readings (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    sensor BIGINT NOT NULL REFERENCES sensors (number), -- finding: foreign-key-type-mismatch
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_readings_sensor ON readings (sensor);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS readings;
DROP TABLE IF EXISTS sensors;
