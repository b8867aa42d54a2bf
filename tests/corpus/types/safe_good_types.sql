-- Migration: Types that serve
-- Version: 20250601_120000
-- Description: Arrays, domains of one's own, intervals and ranges too
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    country VARCHAR(2),
    details JSONB,
    price NUMERIC(10,2),
    tags TEXT[],
    duration INTERVAL,
    during TSTZRANGE,
    sender INET,
    pickup TIME,
    position INTEGER,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
