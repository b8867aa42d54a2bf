-- Migration: DOWN does not bring the old default back
-- Version: 20250601_120000
-- Description: It drops it, where there was another one before
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ALTER COLUMN stock SET DEFAULT 10; -- finding: incomplete-down

-- ============= DOWN MIGRATION ============

ALTER TABLE products ALTER COLUMN stock DROP DEFAULT;
