-- Migration: A new label as the default of a column, in the same transaction
-- Version: 20250601_120000
-- Description: Refused in the same way
-- Dependencies: []
-- Irreversible: a label of an enum cannot be dropped
-- corpus: runs = "refused by Postgres: the new label is not committed yet"

-- ============= UP MIGRATION =============

ALTER TYPE "public"."order_status" ADD VALUE IF NOT EXISTS 'draft' BEFORE 'new';

ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'draft'; -- finding: enum-value-used-early
