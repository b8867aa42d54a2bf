-- Migration: A column renamed under the feet of running code
-- Version: 20250601_120000
-- Description: Add the new one, keep both in step, and drop the old one later
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE public.users RENAME COLUMN full_name TO display_name; -- finding: rename-column

-- ============= DOWN MIGRATION ============

ALTER TABLE public.users RENAME COLUMN display_name TO full_name;
