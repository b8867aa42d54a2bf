-- Migration: A constraint whose name Postgres invents
-- Version: 20250601_120000
-- Description: DOWN, and the message that a user sees, need one
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS depots (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    opens TIME,
    closes TIME,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK (opens < closes) -- finding: constraint-name
);

ALTER TABLE invoices ADD CHECK (amount >= 0) NOT VALID; -- finding: constraint-name

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP CONSTRAINT IF EXISTS invoices_amount_check;
DROP TABLE IF EXISTS depots;
