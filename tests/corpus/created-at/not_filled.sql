-- Migration: A created_at that stays empty, and one that is no time
-- Version: 20250601_120000
-- Description: The first needs a default, the second another type
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS readings (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ -- finding: created-at-without-default
);

CREATE TABLE IF NOT EXISTS sensors (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TEXT DEFAULT 'now' -- finding: created-at-without-default
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS sensors;
DROP TABLE IF EXISTS readings;
