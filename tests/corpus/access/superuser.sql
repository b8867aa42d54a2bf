-- Migration: A role that no rule of the database holds
-- Version: 20250601_120000
-- Description: SUPERUSER and BYPASSRLS see everything, CREATEROLE makes more of them
-- Dependencies: []
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

CREATE ROLE shop_boss SUPERUSER; -- finding: superuser-grant

CREATE ROLE shop_sync NOLOGIN;

ALTER ROLE shop_sync BYPASSRLS; -- finding: superuser-grant

ALTER USER shop_sync WITH CREATEROLE REPLICATION; -- finding: superuser-grant

-- ============= DOWN MIGRATION ============

DROP ROLE IF EXISTS shop_sync;
DROP ROLE IF EXISTS shop_boss;
