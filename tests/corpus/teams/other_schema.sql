-- Migration: A migration of one team that changes another team's schema
-- Version: 20250601_120000
-- Description: The header says whose it is
-- Dependencies: []
-- Team: marketing
-- corpus: families = ["teams"]

-- ============= UP MIGRATION =============

CREATE SCHEMA IF NOT EXISTS marketing;

CREATE TABLE IF NOT EXISTS marketing.campaigns (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS reports.campaigns ( -- finding: outside-team-schema
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS reports.campaigns;
DROP TABLE IF EXISTS marketing.campaigns;
DROP SCHEMA IF EXISTS marketing;
