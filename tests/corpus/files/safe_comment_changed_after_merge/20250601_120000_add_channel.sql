-- Migration: A migration that the main branch has, with another comment
-- Version: 20250601_120000
-- Description: The same statements run, so nobody is harmed
-- Dependencies: []

-- ============= UP MIGRATION =============

-- Where the order came from: web, shop, phone.
ALTER TABLE orders   ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
