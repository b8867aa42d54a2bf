-- Migration: VACUUM in a file that runs in a transaction
-- Version: 20250601_120000
-- Description: Postgres refuses it
-- Dependencies: []
-- Irreversible: nothing changes but the file on disk
-- corpus: runs = "refused by Postgres in a transaction"

-- ============= UP MIGRATION =============

VACUUM ANALYZE orders; -- finding: statement-outside-transaction
