-- Migration: A write to the system catalog
-- Version: 20250601_120000
-- Description: Postgres checks nothing there, and a wrong row can make the database unreadable
-- Dependencies: []
-- corpus: families = ["access"]
-- Irreversible: an exercise in what not to do

-- ============= UP MIGRATION =============

UPDATE pg_catalog.pg_class SET reltuples = 0 WHERE relname = 'orders'; -- finding: system-change
