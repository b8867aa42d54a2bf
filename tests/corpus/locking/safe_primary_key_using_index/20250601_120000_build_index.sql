-- Migration: Another primary key without a long lock, step one: its index
-- Version: 20250601_120000
-- Description: Built beside readers and writers
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_audit_log_id_created_at ON audit_log (id, created_at);

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_audit_log_id_created_at;
