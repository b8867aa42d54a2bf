-- Migration: Another primary key, whose index is built under ACCESS EXCLUSIVE
-- Version: 20250601_120000
-- Description: The table gets ready to be partitioned by time
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE audit_log
    DROP CONSTRAINT IF EXISTS audit_log_pkey,
    ADD CONSTRAINT pk_audit_log PRIMARY KEY (id, created_at); -- finding: primary-key-without-using-index

-- ============= DOWN MIGRATION ============

ALTER TABLE audit_log
    DROP CONSTRAINT IF EXISTS pk_audit_log,
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);
