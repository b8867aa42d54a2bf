-- Migration: A timestamp without a time zone, for those who ask for this rule
-- Version: 20250601_120000
-- Description: It is off unless it is selected
-- Dependencies: []
-- corpus: extend-select = ["prefer-timestamptz"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS readings (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMP NOT NULL DEFAULT now() -- finding: prefer-timestamptz
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS readings;
