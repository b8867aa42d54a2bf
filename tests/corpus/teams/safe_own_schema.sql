-- Migration: A migration of one team that stays in its schema
-- Version: 20250601_120000
-- Description: Foreign keys to others are allowed
-- Dependencies: []
-- Team: marketing
-- corpus: families = ["teams"]

-- ============= UP MIGRATION =============

CREATE SCHEMA IF NOT EXISTS marketing;

CREATE TABLE IF NOT EXISTS marketing.campaigns (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS marketing.campaigns;
DROP SCHEMA IF EXISTS marketing;
