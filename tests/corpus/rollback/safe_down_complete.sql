-- Migration: DOWN undoes everything, last thing first
-- Version: 20250601_120000
-- Description: A type, a table, an index, a trigger, a view, a comment
-- Dependencies: []

-- ============= UP MIGRATION =============

DO $$
BEGIN
    CREATE TYPE ticket_state AS ENUM ('open', 'closed');
EXCEPTION
    WHEN duplicate_object THEN NULL;
END
$$;

CREATE TABLE IF NOT EXISTS tickets (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    state ticket_state NOT NULL DEFAULT 'open',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_tickets_state ON tickets (state);

CREATE OR REPLACE FUNCTION close_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state := 'closed';
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER close_tickets BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION close_ticket();

CREATE OR REPLACE VIEW open_tickets AS SELECT id FROM tickets WHERE state = 'open';

COMMENT ON TABLE tickets IS 'What people ask for';

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS open_tickets;
DROP TABLE IF EXISTS tickets;
DROP FUNCTION IF EXISTS close_ticket();
DROP TYPE IF EXISTS ticket_state;
