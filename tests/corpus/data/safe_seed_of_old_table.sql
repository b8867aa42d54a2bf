-- Migration: A few literal rows for an old table
-- Version: 20250601_120000
-- Description: An INSERT of VALUES locks nobody out
-- Dependencies: []

-- ============= UP MIGRATION =============

INSERT INTO coupons (id, code, discount)
VALUES ('5f0c5a8e-2f6c-4b6e-9f55-0a7d0f6b1c11', 'WELCOME', 10.00)
ON CONFLICT (id) DO NOTHING;

-- ============= DOWN MIGRATION ============

DELETE FROM coupons WHERE id = '5f0c5a8e-2f6c-4b6e-9f55-0a7d0f6b1c11';
