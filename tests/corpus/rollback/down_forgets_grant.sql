-- Migration: A right that stays after the rollback
-- Version: 20250601_120000
-- Description: Nobody sees it in a table's columns
-- Dependencies: []
-- corpus: families = ["rollback"]

-- ============= UP MIGRATION =============

GRANT SELECT ON orders TO pg_monitor; -- finding: incomplete-down

-- ============= DOWN MIGRATION ============

SELECT 1;
