-- Migration: A shorter varchar: the first value that is too long ends the deploy
-- Version: 20250601_120000
-- Description: And all rows are written anew on the way
-- Dependencies: []
-- Irreversible: the ends of the notes are gone

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(50); -- finding: narrowing-type, column-type-rewrite
