-- Migration: A table born in this migration locks nobody: its indexes and keys may be made the plain way
-- Version: 20250601_120000
-- Description: Even SET NOT NULL and a type change are free on a table that nobody can see yet
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS shipments (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    order_number TEXT,
    carrier VARCHAR(20),
    weight INTEGER,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_shipments_order_number ON shipments (order_number);
CREATE INDEX IF NOT EXISTS idx_shipments_carrier ON shipments (carrier);
ALTER TABLE shipments ALTER COLUMN carrier SET NOT NULL;
ALTER TABLE shipments ALTER COLUMN weight TYPE BIGINT;
ALTER TABLE shipments ADD CONSTRAINT check_shipments_weight CHECK (weight > 0);
ALTER TABLE shipments ADD CONSTRAINT unique_shipments_carrier_weight UNIQUE (carrier, weight);
ALTER TABLE shipments ADD COLUMN IF NOT EXISTS label UUID NOT NULL DEFAULT gen_random_uuid();
CREATE OR REPLACE TRIGGER stamp_shipments BEFORE INSERT ON shipments FOR EACH ROW EXECUTE FUNCTION stamp_order();

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS shipments;
