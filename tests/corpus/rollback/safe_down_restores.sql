-- Migration: DOWN brings back what UP changed
-- Version: 20250601_120000
-- Description: The old default, the old view, the old constraint
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ALTER COLUMN stock SET DEFAULT 10;

CREATE OR REPLACE VIEW active_users AS SELECT id, lower(email) AS email FROM users WHERE is_active;

ALTER TABLE orders DROP CONSTRAINT IF EXISTS fk_orders_user_id;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ADD CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users (id);

CREATE OR REPLACE VIEW active_users AS SELECT id, email FROM users WHERE is_active;

ALTER TABLE products ALTER COLUMN stock SET DEFAULT 0;
