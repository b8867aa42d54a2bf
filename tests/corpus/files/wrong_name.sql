-- Migration: A file whose name has no version -- finding: file-name
-- Version: 20250601_120000
-- Description: Nobody can tell when it is to be applied
-- Dependencies: []
-- corpus: path = "AddChannel.sql"

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
