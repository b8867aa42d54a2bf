-- Migration: A comment that a screen shows in another order
-- Version: 20250601_120000
-- Description: Characters that turn the direction of writing hide what runs
-- Dependencies: []

-- ============= UP MIGRATION =============

COMMENT ON TABLE orders IS 'paid ‮detnuocsid‬'; -- finding: encoding

-- ============= DOWN MIGRATION ============

COMMENT ON TABLE orders IS NULL;
