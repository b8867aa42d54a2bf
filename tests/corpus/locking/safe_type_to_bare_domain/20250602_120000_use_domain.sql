-- Migration: A column changed to such a domain stays as it is stored
-- Version: 20250602_120000
-- Description: There is nothing to check
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users ALTER COLUMN age TYPE years;

-- ============= DOWN MIGRATION ============

ALTER TABLE users ALTER COLUMN age TYPE INTEGER;
