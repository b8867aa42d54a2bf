-- Migration: WHERE true is no WHERE
-- Version: 20250601_120000
-- Description: It is only there to silence a linter
-- Dependencies: []
-- Irreversible: the old notes are gone

-- ============= UP MIGRATION =============

UPDATE orders SET note = '' WHERE true; -- finding: update-without-where
