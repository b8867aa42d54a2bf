-- Migration: A table that is there already, with other columns
-- Version: 20250601_120000
-- Description: IF NOT EXISTS reports success and does nothing; the code that needs amount fails later
-- Dependencies: []
-- corpus: families = ["idempotency"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS coupons ( -- finding: create-if-not-exists-hides-difference
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    code TEXT NOT NULL,
    amount NUMERIC(10,2),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

SELECT 1;
