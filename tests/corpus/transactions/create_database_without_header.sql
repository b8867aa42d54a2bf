-- Migration: CREATE DATABASE in a file that runs in a transaction
-- Version: 20250601_120000
-- Description: It cannot be taken back, so it cannot be part of one
-- Dependencies: []
-- corpus: runs = "refused by Postgres in a transaction"

-- ============= UP MIGRATION =============

CREATE DATABASE shop_copy; -- finding: statement-outside-transaction

-- ============= DOWN MIGRATION ============

DROP DATABASE IF EXISTS shop_copy; -- finding: statement-outside-transaction
