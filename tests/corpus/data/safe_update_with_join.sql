-- Migration: UPDATE … FROM with a condition is not one of every row
-- Version: 20250601_120000
-- Description: The join says which rows
-- Dependencies: []
-- Irreversible: which amounts were missing is not kept

-- ============= UP MIGRATION =============

UPDATE invoices SET amount = orders.total FROM orders WHERE orders.id = invoices.order_id AND invoices.amount IS NULL;
