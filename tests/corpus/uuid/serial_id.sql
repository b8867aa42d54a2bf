-- Migration: A surrogate key that counts
-- Version: 20250601_120000
-- Description: It tells strangers how many rows there are, and two databases cannot be merged
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS readings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- finding: non-uuid-id
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS sensors (
    id SERIAL PRIMARY KEY, -- finding: non-uuid-id, serial-type
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS sensors;
DROP TABLE IF EXISTS readings;
