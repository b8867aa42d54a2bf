-- Migration: Quotes around plain names change nothing
-- Version: 20250601_120000
-- Description: pg_dump and many tools write them so
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS "public"."depots" (
    "id" UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    "name" TEXT,
    "timestamp" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS "idx_depots_name" ON "public"."depots" ("name");

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS "public"."depots";
