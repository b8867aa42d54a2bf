-- Migration: And used in the next one
-- Version: 20250602_120000
-- Description: By now it is a label like the others
-- Dependencies: []
-- Irreversible: which orders it were is not kept

-- ============= UP MIGRATION =============

UPDATE orders SET status = 'refunded' WHERE coupon_code = 'REFUND';
