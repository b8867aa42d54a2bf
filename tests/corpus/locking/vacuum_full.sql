-- Migration: VACUUM FULL and CLUSTER write a table anew while nobody may touch it
-- Version: 20250601_120000
-- Description: pg_repack does the same online
-- Dependencies: []
-- Transaction: none
-- Irreversible: the same rows, in another order

-- ============= UP MIGRATION =============

VACUUM (FULL, ANALYZE) orders; -- finding: table-rewrite

CLUSTER audit_log USING audit_log_pkey; -- finding: table-rewrite
