-- Migration: A table that is there already, written in other words
-- Version: 20250601_120000
-- Description: Types have several names, and case does not matter
-- Dependencies: []
-- corpus: families = ["idempotency"]

-- ============= UP MIGRATION =============

create table if not exists public.coupons (
    ID uuid default gen_random_uuid() primary key,
    CODE text not null,
    discount decimal(5, 2),
    created_at timestamp with time zone not null default now()
);

-- ============= DOWN MIGRATION ============

SELECT 1;
