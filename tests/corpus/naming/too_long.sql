-- Migration: A name longer than the 63 bytes that Postgres keeps
-- Version: 20250601_120000
-- Description: It is cut, and nobody is told but the log
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS monthly_report_of_all_orders_that_were_cancelled_by_their_customers ( -- finding: identifier-too-long
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS monthly_report_of_all_orders_that_were_cancelled_by_their_customers;
