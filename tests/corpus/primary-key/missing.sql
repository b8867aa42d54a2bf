-- Migration: A table without a primary key
-- Version: 20250601_120000
-- Description: Its rows cannot be told apart, and logical replication cannot update them
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS readings ( -- finding: missing-primary-key
    sensor TEXT,
    value NUMERIC(10,2),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS readings;
