-- Migration: A role taken on and never given back
-- Version: 20250601_120000
-- Description: The history table of the tool belongs to somebody else then
-- Dependencies: []
-- corpus: families = ["transactions"]

-- ============= UP MIGRATION =============

SET ROLE pg_monitor; -- finding: set-without-local

SELECT current_user;

-- ============= DOWN MIGRATION ============

RESET ROLE;
