-- Migration: A label of an enum in a migration of its own
-- Version: 20250601_120000
-- Description: It is committed before anyone uses it
-- Dependencies: []
-- Irreversible: a label of an enum cannot be dropped

-- ============= UP MIGRATION =============

ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'refunded';
