-- Migration: Step two: the old key goes, the new one takes the index over
-- Version: 20250602_120000
-- Description: Both columns are NOT NULL already, so nothing is read
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE audit_log
    DROP CONSTRAINT IF EXISTS audit_log_pkey,
    ADD CONSTRAINT pk_audit_log PRIMARY KEY USING INDEX idx_audit_log_id_created_at;

-- ============= DOWN MIGRATION ============

ALTER TABLE audit_log
    DROP CONSTRAINT IF EXISTS pk_audit_log,
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX IF NOT EXISTS idx_audit_log_id_created_at ON audit_log (id, created_at);
