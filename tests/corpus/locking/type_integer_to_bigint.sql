-- Migration: An integer made a bigint: another size, so every row is written anew
-- Version: 20250601_120000
-- Description: The classic of the table that outgrew its type
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ALTER COLUMN stock TYPE BIGINT; -- finding: column-type-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE products ALTER COLUMN stock TYPE INTEGER;
