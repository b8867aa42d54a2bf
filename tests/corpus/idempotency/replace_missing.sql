-- Migration: Functions, views and triggers that could be replaced
-- Version: 20250601_120000
-- Description: CREATE OR REPLACE does the same and can be run again
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE FUNCTION order_count() RETURNS BIGINT LANGUAGE sql AS 'SELECT count(*) FROM orders'; -- finding: create-without-or-replace

CREATE VIEW big_orders AS SELECT id FROM orders WHERE total > 1000; -- finding: create-without-or-replace

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS big_orders;
DROP FUNCTION IF EXISTS order_count();
