-- Migration: TRUNCATE … CASCADE empties tables that nobody named
-- Version: 20250601_120000
-- Description: order_items refers to orders
-- Dependencies: []
-- Irreversible: the orders are gone

-- ============= UP MIGRATION =============

TRUNCATE public.orders CASCADE; -- finding: truncate
