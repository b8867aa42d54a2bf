-- Migration: CASCADE takes along what nobody named
-- Version: 20250601_120000
-- Description: The foreign key of order_items goes with the products
-- Dependencies: []
-- Irreversible: the products are gone

-- ============= UP MIGRATION =============

DROP TABLE IF EXISTS products CASCADE; -- finding: drop-table, drop-cascade
