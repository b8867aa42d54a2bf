-- Migration: Text in other scripts is no danger
-- Version: 20250601_120000
-- Description: Größe, размер, 大小, حجم: whole words of one direction
-- Dependencies: []

-- ============= UP MIGRATION =============

COMMENT ON TABLE orders IS 'Größe: размер, 大小, حجم 🙂';

-- ============= DOWN MIGRATION ============

COMMENT ON TABLE orders IS NULL;
