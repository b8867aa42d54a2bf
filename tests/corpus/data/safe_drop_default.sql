-- Migration: Defaults and NOT NULL that go are changes of the catalog alone
-- Version: 20250601_120000
-- Description: No row is read
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN status DROP DEFAULT, ALTER COLUMN user_id DROP NOT NULL;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL, ALTER COLUMN status SET DEFAULT 'new';
