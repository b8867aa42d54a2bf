-- Migration: Triggers switched off, foreign keys included
-- Version: 20250601_120000
-- Description: Rows go in that no constraint has seen
-- Dependencies: []
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

SET LOCAL session_replication_role = replica; -- finding: system-change

ALTER TABLE orders DISABLE TRIGGER ALL; -- finding: system-change

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ENABLE TRIGGER ALL;
