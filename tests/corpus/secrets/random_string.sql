-- Migration: A long random string that no known kind of token looks like
-- Version: 20250601_120000
-- Description: Probably a key all the same
-- Dependencies: []

-- ============= UP MIGRATION =============

COMMENT ON TABLE orders IS '{{random}}'; -- finding: high-entropy-string

-- ============= DOWN MIGRATION ============

COMMENT ON TABLE orders IS NULL;
