-- Migration: A schema emptied and dropped
-- Version: 20250601_120000
-- Description: Who has it in the search_path now resolves names to something else
-- Dependencies: []
-- Irreversible: the reports are gone

-- ============= UP MIGRATION =============

DROP MATERIALIZED VIEW IF EXISTS reports.daily_sales;
DROP SCHEMA IF EXISTS reports; -- finding: drop-schema
