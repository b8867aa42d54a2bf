-- Migration: A column changed to a domain with a CHECK has to be checked in every row
-- Version: 20250602_120000
-- Description: A domain without one would be free
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users ALTER COLUMN age TYPE rating; -- finding: column-type-rewrite, narrowing-type

-- ============= DOWN MIGRATION ============

ALTER TABLE users ALTER COLUMN age TYPE INTEGER;
