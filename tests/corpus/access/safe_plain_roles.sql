-- Migration: Roles that cannot log in, with just the rights that they need
-- Version: 20250601_120000
-- Description: A group to which people are added elsewhere
-- Dependencies: []
-- corpus: families = ["access", "secrets"]

-- ============= UP MIGRATION =============

CREATE ROLE shop_reader NOLOGIN NOSUPERUSER NOBYPASSRLS;

GRANT USAGE ON SCHEMA reports TO shop_reader;
GRANT SELECT ON orders, invoices TO shop_reader;
REVOKE ALL ON users FROM PUBLIC;

-- ============= DOWN MIGRATION ============

REVOKE SELECT ON orders, invoices FROM shop_reader;
REVOKE USAGE ON SCHEMA reports FROM shop_reader;
DROP ROLE IF EXISTS shop_reader;
