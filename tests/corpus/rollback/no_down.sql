-- Migration: A migration without a way back -- finding: missing-down
-- Version: 20250601_120000
-- Description: When the release goes wrong, somebody writes it at night
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;
