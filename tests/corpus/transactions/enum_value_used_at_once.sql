-- Migration: A label added to an old enum and used in the same transaction
-- Version: 20250601_120000
-- Description: Postgres refuses: unsafe use of new value "refunded" of enum type order_status
-- Dependencies: []
-- Irreversible: a label of an enum cannot be dropped
-- corpus: runs = "refused by Postgres: the new label is not committed yet"

-- ============= UP MIGRATION =============

ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'refunded';

UPDATE coupons SET discount = 0 WHERE code = 'x' AND 'refunded'::order_status = 'new'; -- finding: enum-value-used-early
