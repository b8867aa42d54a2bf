-- Migration: Names in CamelCase: Postgres folds them, or they need quotes for ever
-- Version: 20250601_120000
-- Description: userprofiles and "firstName" are what comes of it
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS UserProfiles ( -- finding: table-name
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    "firstName" TEXT, -- finding: column-name
    LastName TEXT, -- finding: column-name
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS UserProfiles;
