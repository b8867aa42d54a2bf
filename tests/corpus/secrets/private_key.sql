-- Migration: A private key in a dollar-quoted string
-- Version: 20250601_120000
-- Description: Dollars hide nothing
-- Dependencies: []
-- Irreversible: which coupons it was is not kept

-- ============= UP MIGRATION =============

UPDATE coupons SET code = $key${{private key}}$key$ WHERE code = 'PEM'; -- finding: hardcoded-secret
