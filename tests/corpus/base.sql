-- Migration: The shop as it is deployed already
-- Version: 20250101_000000
-- Description: Every case of the corpus comes after this one; its tables are old, full, and in use
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped');

CREATE TABLE IF NOT EXISTS users (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    email TEXT NOT NULL,
    full_name VARCHAR(100),
    nickname TEXT,
    age INTEGER,
    is_active BOOLEAN NOT NULL DEFAULT true,
    signup_at TIMESTAMP,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT unique_users_email UNIQUE (email)
);

CREATE TABLE IF NOT EXISTS products (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    sku TEXT NOT NULL,
    title TEXT NOT NULL,
    price NUMERIC(10,2) NOT NULL,
    stock INTEGER NOT NULL DEFAULT 0,
    details JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS orders (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    user_id UUID NOT NULL,
    status order_status NOT NULL DEFAULT 'new',
    total NUMERIC(10,2),
    note VARCHAR(200),
    coupon_code TEXT,
    shipped_at TIMESTAMP,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX IF NOT EXISTS idx_orders_user_id ON orders (user_id);

CREATE TABLE IF NOT EXISTS order_items (
    order_id UUID NOT NULL REFERENCES orders (id),
    product_id UUID NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL DEFAULT 1,
    unit_price NUMERIC(10,2) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, product_id)
);

CREATE INDEX IF NOT EXISTS idx_order_items_product_id ON order_items (product_id);

CREATE TABLE IF NOT EXISTS invoices (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    order_id UUID NOT NULL,
    number TEXT,
    amount NUMERIC(12,2),
    issued_on DATE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_invoices_order_id ON invoices (order_id);

CREATE TABLE IF NOT EXISTS coupons (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    code TEXT NOT NULL,
    discount NUMERIC(5,2),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS audit_log (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    actor TEXT,
    action TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS legacy_sessions (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    payload TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS events (
    id UUID DEFAULT gen_random_uuid(),
    occurred_at TIMESTAMPTZ NOT NULL,
    kind TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);

CREATE TABLE IF NOT EXISTS events_2025_01 PARTITION OF events
    FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');

CREATE TABLE IF NOT EXISTS events_2024 (
    id UUID DEFAULT gen_random_uuid(),
    occurred_at TIMESTAMPTZ NOT NULL,
    kind TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (id, occurred_at)
);

CREATE SCHEMA IF NOT EXISTS reports;

CREATE MATERIALIZED VIEW IF NOT EXISTS reports.daily_sales AS
    SELECT created_at::date AS day, count(*) AS orders FROM orders GROUP BY 1;

CREATE UNIQUE INDEX IF NOT EXISTS idx_daily_sales_day ON reports.daily_sales (day);

CREATE OR REPLACE VIEW active_users AS SELECT id, email FROM users WHERE is_active;

CREATE OR REPLACE FUNCTION stamp_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.note := coalesce(NEW.note, '');
    RETURN NEW;
END
$$;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS stamp_order();
DROP VIEW IF EXISTS active_users;
DROP MATERIALIZED VIEW IF EXISTS reports.daily_sales;
DROP SCHEMA IF EXISTS reports;
DROP TABLE IF EXISTS events_2024, events, legacy_sessions, audit_log, coupons, invoices, order_items, orders, products, users;
DROP TYPE IF EXISTS order_status;
