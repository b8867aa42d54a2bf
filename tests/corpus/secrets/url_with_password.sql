-- Migration: A connection string with its password
-- Version: 20250601_120000
-- Description: It opens the database from wherever it can be reached
-- Dependencies: []

-- ============= UP MIGRATION =============

COMMENT ON DATABASE postgres IS 'replica: {{database url}}'; -- finding: hardcoded-secret

-- ============= DOWN MIGRATION ============

COMMENT ON DATABASE postgres IS NULL;
