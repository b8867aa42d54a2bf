-- Migration: The same types in columns that are added or changed
-- Version: 20250601_120000
-- Description: Wherever a type is written
-- Dependencies: []
-- Irreversible: only the types matter here
-- corpus: families = ["types"]

-- ============= UP MIGRATION =============

ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS country CHAR(2), -- finding: char-type
    ADD COLUMN IF NOT EXISTS payload JSON; -- finding: json-type

ALTER TABLE invoices ALTER COLUMN amount TYPE FLOAT8; -- finding: float-type
