-- Migration: A table renamed with a view under its old name in the same transaction
-- Version: 20250601_120000
-- Description: No query ever sees one without the other, and the view can be written through
-- Dependencies: []
-- corpus: families = ["data"]

-- ============= UP MIGRATION =============

ALTER TABLE coupons RENAME TO vouchers;

CREATE OR REPLACE VIEW coupons AS SELECT * FROM vouchers;

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS coupons;

ALTER TABLE vouchers RENAME TO coupons;
