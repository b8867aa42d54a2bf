-- Migration: Comments that allow what does not exist, what is not there, and what nobody gives a reason for
-- Version: 20250601_120000
-- Description: Each of them may hide something tomorrow
-- Dependencies: []

-- ============= UP MIGRATION =============

-- elf: allow index-without-concurently -- a slip of the finger -- finding: unknown-suppression
CREATE INDEX IF NOT EXISTS idx_orders_status ON orders (status); -- finding: index-without-concurrently

-- elf: allow drop-table -- finding: suppression-without-reason, unused-suppression
COMMENT ON TABLE orders IS 'What people bought';

-- elf: allow drop-column -- it is not dropped any more -- finding: unused-suppression
COMMENT ON TABLE users IS 'Who bought it';

-- ============= DOWN MIGRATION ============

COMMENT ON TABLE users IS NULL;
COMMENT ON TABLE orders IS NULL;
DROP INDEX IF EXISTS idx_orders_status;
