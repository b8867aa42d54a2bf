-- Migration: A materialized view refreshed while others read it
-- Version: 20250601_120000
-- Description: It has a unique index, which that needs
-- Dependencies: []
-- Irreversible: nothing but the view's rows is new

-- ============= UP MIGRATION =============

REFRESH MATERIALIZED VIEW CONCURRENTLY reports.daily_sales;
