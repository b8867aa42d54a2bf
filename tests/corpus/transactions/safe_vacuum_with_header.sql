-- Migration: VACUUM, with the header that says so
-- Version: 20250601_120000
-- Description: It runs on its own
-- Dependencies: []
-- Transaction: none
-- Irreversible: nothing changes but the statistics

-- ============= UP MIGRATION =============

VACUUM (ANALYZE) orders;
