-- Migration: A schema dropped with all that is in it
-- Version: 20250601_120000
-- Description: The materialized view reports.daily_sales goes along
-- Dependencies: []
-- Irreversible: the reports are gone

-- ============= UP MIGRATION =============

DROP SCHEMA IF EXISTS reports CASCADE; -- finding: drop-schema, drop-cascade
