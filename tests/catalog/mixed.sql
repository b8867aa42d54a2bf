CREATE SCHEMA app;
CREATE TABLE teams (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name varchar(50) NOT NULL UNIQUE,
    size int CHECK (size > 0));
CREATE TABLE app.members (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    person text COLLATE "C",
    role text DEFAULT 'member'::text,
    since timestamptz DEFAULT now(),
    pay numeric(10,2)[],
    PRIMARY KEY (team_id, person),
    CHECK (length(role) > 1 AND person <> ''),
    CONSTRAINT since_first UNIQUE (since, person) DEFERRABLE
);
CREATE TABLE numbers (a serial PRIMARY KEY, b bigserial, c smallint GENERATED ALWAYS AS IDENTITY,
    d int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE a_table_with_a_name_that_is_as_long_as_it_may_be_for_postgres (
    a_column_that_also_has_quite_a_long_name_for_a_column int UNIQUE,
    other_column int REFERENCES numbers
);
CREATE INDEX ON teams (lower(name), size);
CREATE INDEX ON teams (size, (size + 1), (size + 2));
CREATE UNIQUE INDEX teams_size_once ON teams (size);
CREATE INDEX teams_small ON teams (name) WHERE size < 3;
ALTER TABLE teams ADD CONSTRAINT teams_one_size UNIQUE USING INDEX teams_size_once;
ALTER TABLE teams ADD COLUMN lead uuid UNIQUE, ADD COLUMN motto text NOT NULL DEFAULT '', DROP COLUMN size;
ALTER TABLE teams ALTER lead TYPE text, ALTER motto DROP DEFAULT, ALTER motto DROP NOT NULL, ALTER name TYPE text;
ALTER TABLE teams RENAME COLUMN motto TO slogan;
ALTER TABLE teams RENAME TO groups;
ALTER TABLE app.members RENAME CONSTRAINT since_first TO since_once;
ALTER TABLE app.members ADD FOREIGN KEY (person) REFERENCES groups (lead);
ALTER INDEX app.since_once RENAME TO since_only;
CREATE TABLE events (id bigint, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TYPE app.mood AS ENUM ('sad', 'happy');
ALTER TYPE app.mood ADD VALUE 'fine' BEFORE 'happy';
ALTER TYPE app.mood RENAME VALUE 'sad' TO 'blue';
CREATE VIEW app.names AS SELECT name FROM groups;
CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM groups;
CREATE UNIQUE INDEX ON counts (n);
CREATE SEQUENCE app.ticket;
CREATE TABLE gone (id int); CREATE VIEW gone_too AS SELECT * FROM gone; DROP TABLE gone CASCADE;
CREATE TABLE moving (id int PRIMARY KEY); ALTER TABLE moving SET SCHEMA app;
ALTER TABLE numbers ADD CHECK (b > 0) NOT VALID, ADD CHECK (b > c);
ALTER TABLE groups ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY readable ON groups FOR SELECT USING (true);
SET search_path TO app, public;
CREATE TABLE found_by_path (id int REFERENCES numbers);
CREATE INDEX ON groups (slogan);
