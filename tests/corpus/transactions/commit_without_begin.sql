-- Migration: A COMMIT of a transaction that the file did not begin
-- Version: 20250601_120000
-- Description: It ends the one of the tool that runs it
-- Dependencies: []
-- corpus: families = ["transactions"]
-- corpus: runs = "the executor refuses it"

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;
COMMIT; -- finding: unclosed-transaction

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
