-- Migration: A role that can log in is a door
-- Version: 20250601_120000
-- Description: Who uses it, and from where, nobody can tell later
-- Dependencies: []
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

CREATE USER shop_intern; -- finding: new-login

CREATE ROLE shop_guest WITH LOGIN VALID UNTIL '2026-01-01'; -- finding: new-login

-- ============= DOWN MIGRATION ============

DROP ROLE IF EXISTS shop_guest;
DROP ROLE IF EXISTS shop_intern;
