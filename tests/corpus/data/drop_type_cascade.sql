-- Migration: A type dropped with the columns that are of it
-- Version: 20250601_120000
-- Description: orders.status is lost, though no statement names it
-- Dependencies: []
-- Irreversible: the states are gone

-- ============= UP MIGRATION =============

DROP TYPE IF EXISTS order_status CASCADE; -- finding: drop-cascade
