-- Migration: A materialized view refreshed the plain way
-- Version: 20250601_120000
-- Description: Nobody can read it while its query runs
-- Dependencies: []
-- Irreversible: nothing but the view's rows is new

-- ============= UP MIGRATION =============

REFRESH MATERIALIZED VIEW reports.daily_sales; -- finding: refresh-without-concurrently
