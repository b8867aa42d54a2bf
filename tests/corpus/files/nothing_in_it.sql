-- Migration: A migration without a statement -- finding: empty-migration
-- Version: 20250601_120000
-- Description: It takes a version and does nothing
-- Dependencies: []
-- Irreversible: there is nothing to undo
-- corpus: families = ["files"]

-- ============= UP MIGRATION =============

-- To be done.
