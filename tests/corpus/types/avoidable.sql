-- Migration: Types that have a better one
-- Version: 20250601_120000
-- Description: CHAR pads, JSON keeps the text, money depends on lc_monetary, floats cannot hold 0.1
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    country CHAR(2), -- finding: char-type
    details JSON, -- finding: json-type
    price DOUBLE PRECISION, -- finding: float-type
    distance REAL, -- finding: float-type
    insured MONEY, -- finding: money-type
    pickup TIME WITH TIME ZONE, -- finding: timetz-type
    number BIGSERIAL, -- finding: serial-type
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
