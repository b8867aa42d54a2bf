-- Migration: Settings of the session that the next migration inherits
-- Version: 20250601_120000
-- Description: And through a pooler, somebody else's session
-- Dependencies: []
-- corpus: families = ["transactions"]

-- ============= UP MIGRATION =============

SET search_path = reports; -- finding: set-without-local

SET statement_timeout = 0; -- finding: set-without-local

SET SESSION work_mem = '1GB'; -- finding: set-without-local

CREATE TABLE IF NOT EXISTS reports.totals (id UUID DEFAULT gen_random_uuid() PRIMARY KEY, total NUMERIC(12,2), created_at TIMESTAMPTZ NOT NULL DEFAULT now());

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS reports.totals;
