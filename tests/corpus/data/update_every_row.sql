-- Migration: An UPDATE without WHERE
-- Version: 20250601_120000
-- Description: Every row is written and stays locked until COMMIT, and no old value is left
-- Dependencies: []
-- Irreversible: the old notes are gone

-- ============= UP MIGRATION =============

UPDATE orders SET note = upper(note); -- finding: update-without-where
