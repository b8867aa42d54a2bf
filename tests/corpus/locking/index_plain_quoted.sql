-- Migration: The same with a schema and quotes around every name
-- Version: 20250601_120000
-- Description: Names are compared as Postgres folds them, not as they are written
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE INDEX IF NOT EXISTS "idx_orders_total" -- finding: index-without-concurrently
    ON "public"."orders" USING btree ("total");

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS public."idx_orders_total";
