-- Migration: The key comes two statements after the table
-- Version: 20250601_120000
-- Description: What counts is the table as it is in the end
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS readings (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    value NUMERIC(10,2),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

ALTER TABLE ONLY readings ADD CONSTRAINT readings_pkey PRIMARY KEY (id);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS readings;
