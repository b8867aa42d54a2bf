-- Migration: Rights for PUBLIC are rights for every role there is or will be
-- Version: 20250601_120000
-- Description: Also those that nobody thought of
-- Dependencies: []
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

GRANT SELECT ON users TO PUBLIC; -- finding: grant-to-public

GRANT ALL ON ALL TABLES IN SCHEMA reports TO PUBLIC; -- finding: grant-to-public

ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC; -- finding: grant-to-public

-- ============= DOWN MIGRATION ============

ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA reports FROM PUBLIC;
REVOKE SELECT ON users FROM PUBLIC;
