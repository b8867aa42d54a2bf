-- Migration: A whole database dropped by a migration
-- Version: 20250601_120000
-- Description: A migration changes the database that it is applied to, no other
-- Dependencies: []
-- Transaction: none
-- Irreversible: everything is gone

-- ============= UP MIGRATION =============

DROP DATABASE IF EXISTS shop_copy; -- finding: drop-database
