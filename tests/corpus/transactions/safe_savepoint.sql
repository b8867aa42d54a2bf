-- Migration: A savepoint is no transaction of its own
-- Version: 20250601_120000
-- Description: It begins and ends within the one there is
-- Dependencies: []

-- ============= UP MIGRATION =============

SAVEPOINT before_comment;
COMMENT ON TABLE orders IS 'What people bought';
RELEASE SAVEPOINT before_comment;

-- ============= DOWN MIGRATION ============

COMMENT ON TABLE orders IS NULL;
