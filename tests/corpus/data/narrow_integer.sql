-- Migration: An integer made a smallint
-- Version: 20250601_120000
-- Description: The first value over 32767 ends the deploy
-- Dependencies: []
-- Irreversible: nothing is lost that fits

-- ============= UP MIGRATION =============

ALTER TABLE products ALTER COLUMN stock TYPE SMALLINT; -- finding: narrowing-type, column-type-rewrite
