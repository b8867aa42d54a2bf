-- Migration: EXECUTE of what can be known
-- Version: 20250601_120000
-- Description: format() and quote_ident() of literals are as good as the text itself
-- Dependencies: []

-- ============= UP MIGRATION =============

DO $$
BEGIN
    EXECUTE 'COMMENT ON TABLE ' || quote_ident('orders') || ' IS ' || quote_literal('What people bought');
    EXECUTE format('COMMENT ON TABLE %I IS %L', 'users', 'Who bought it');
END
$$;

-- ============= DOWN MIGRATION ============

COMMENT ON TABLE users IS NULL;
COMMENT ON TABLE orders IS NULL;
