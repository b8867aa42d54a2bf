-- Migration: Values in a migration without any DDL
-- Version: 20250601_120000
-- Description: The column came in an earlier one
-- Dependencies: []
-- Irreversible: which names were missing is not kept

-- ============= UP MIGRATION =============

UPDATE users SET nickname = full_name WHERE nickname IS NULL;
