-- Migration: An extension for what Postgres does by itself
-- Version: 20250601_120000
-- Description: gen_random_uuid() is built in since 13
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE EXTENSION IF NOT EXISTS "uuid-ossp";

CREATE TABLE IF NOT EXISTS readings (
    id UUID DEFAULT uuid_generate_v4() PRIMARY KEY, -- finding: uuid-ossp-default
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS readings;
DROP EXTENSION IF EXISTS "uuid-ossp";
