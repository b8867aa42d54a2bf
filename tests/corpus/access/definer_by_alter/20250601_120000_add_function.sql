-- Migration: A harmless function
-- Version: 20250601_120000
-- Description: It runs with its caller's rights
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION user_count() RETURNS BIGINT LANGUAGE sql AS 'SELECT count(*) FROM users';

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS user_count();
