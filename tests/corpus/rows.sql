-- Rows for the tables of base.sql that no careless migration survives: NULLs, duplicates, orphans, values at the limit.
-- No migration: a server is given them to see which statements fail that succeed on an empty database.

INSERT INTO users (id, email, full_name, nickname, age) VALUES
    ('00000000-0000-0000-0000-00000000000a', 'ann@example.org', repeat('n', 100), NULL, 200),
    ('00000000-0000-0000-0000-00000000000b', 'bob@example.org', NULL, NULL, NULL);

INSERT INTO products (id, sku, title, price, stock) VALUES
    ('00000000-0000-0000-0000-00000000000c', 'A-1', repeat('t', 500), -1, 2000000000),
    ('00000000-0000-0000-0000-00000000000d', 'A-1', 'B', 1, -1);

INSERT INTO orders (id, user_id, total, note, shipped_at) VALUES
    ('00000000-0000-0000-0000-00000000000e', '00000000-0000-0000-0000-00000000000a', 99999999.99, repeat('x', 200), '2025-01-01 12:34:56'),
    ('00000000-0000-0000-0000-00000000000f', '00000000-0000-0000-0000-00000000000b', NULL, NULL, NULL);

INSERT INTO order_items (order_id, product_id, unit_price) VALUES
    ('00000000-0000-0000-0000-00000000000e', '00000000-0000-0000-0000-00000000000c', 1);

INSERT INTO invoices (order_id, number, amount) VALUES
    ('99999999-0000-0000-0000-000000000000', 'R-1', -1),
    ('99999999-0000-0000-0000-000000000000', 'R-1', NULL);

INSERT INTO coupons (code, discount) VALUES ('X', 1), ('X', 2);

INSERT INTO audit_log (actor, action) VALUES ('robot', 'login'), (NULL, NULL);

INSERT INTO legacy_sessions (payload) VALUES ('x');

INSERT INTO events (occurred_at, kind) VALUES ('2025-01-15', 'click');

INSERT INTO events_2024 (occurred_at, kind) VALUES ('2024-05-05', 'click');
