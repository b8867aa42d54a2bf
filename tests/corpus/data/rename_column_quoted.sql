-- Migration: The same with quotes and without the word COLUMN
-- Version: 20250601_120000
-- Description: Both are optional
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE "users" RENAME "full_name" TO "display_name"; -- finding: rename-column

-- ============= DOWN MIGRATION ============

ALTER TABLE users RENAME COLUMN display_name TO full_name;
