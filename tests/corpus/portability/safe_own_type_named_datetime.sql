-- Migration: A type of one's own may have a name that is another database's
-- Version: 20250601_120000
-- Description: It is there, so it is meant
-- Dependencies: []
-- corpus: families = ["portability"]

-- ============= UP MIGRATION =============

CREATE DOMAIN datetime AS TIMESTAMPTZ;

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    sent datetime,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
DROP DOMAIN IF EXISTS datetime;
