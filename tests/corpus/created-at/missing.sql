-- Migration: A table that does not say when its rows were made
-- Version: 20250601_120000
-- Description: Nobody can ask later
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS readings ( -- finding: missing-created-at
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    value NUMERIC(10,2)
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS readings;
