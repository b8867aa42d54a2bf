-- Migration: A password where SQL takes one
-- Version: 20250601_120000
-- Description: It is in the server's log as well
-- Dependencies: []
-- corpus: families = ["secrets"]

-- ============= UP MIGRATION =============

CREATE ROLE shop_report LOGIN PASSWORD 'winter-2024'; -- finding: password-literal

ALTER ROLE shop_report WITH ENCRYPTED PASSWORD 'spring-2025'; -- finding: password-literal

-- ============= DOWN MIGRATION ============

DROP ROLE IF EXISTS shop_report;
