"""The migrations that bench/lint.py lets linters judge: made up, as people write them, the same ones in every run.

Each is about 2.5 kB long: a table, what hangs on it, and the way back. The last of every history refers to its first
tables only, so that it is the same text wherever it stands.
"""

from __future__ import annotations

import itertools
import os
import random
import time

NOUNS = """
    account agent alert batch budget campaign channel client contract customer dataset device document event feature
    folder goal invoice job label ledger message metric note order payment plan product project prompt quota report
    role rule session skill source step subscription tag task template ticket token tool usage vendor webhook
""".split()  # noqa: SIM905
QUALITIES = "active archived daily external final hidden internal latest manual open pending shared".split()  # noqa: SIM905
COLUMNS = (
    ("title", "VARCHAR(255) NOT NULL"), ("summary", "TEXT"), ("amount_usd", "NUMERIC(12,2) NOT NULL DEFAULT 0"),
    ("attempts", "INTEGER NOT NULL DEFAULT 0"), ("settings", "JSONB NOT NULL DEFAULT '{}'"), ("due_on", "DATE"),
    ("finished_at", "TIMESTAMPTZ"), ("is_public", "BOOLEAN NOT NULL DEFAULT false"), ("score", "NUMERIC(6,3)"),
    ("source_url", "TEXT"), ("state", "VARCHAR(20) NOT NULL DEFAULT 'new'"), ("checksum", "BYTEA"),
)  # fmt: skip
HEADER = """\
-- Migration: Add {table}
-- Version: {version}
-- Description: {table} and what hangs on it
-- Dependencies: [{parents}]
"""
UP = "\n-- ============= UP MIGRATION =============\n\n"
DOWN = "\n\n-- ============= DOWN MIGRATION ============\n\n"
TABLE = """\
CREATE TABLE IF NOT EXISTS {table} (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    {columns},
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT check_{table}_updated_after_created CHECK (updated_at >= created_at)
);

CREATE INDEX IF NOT EXISTS idx_{table}_created_at ON {table}(created_at DESC);"""
ALLOWED = "-- elf: allow unindexed-foreign-key -- a few hundred rows, and its parents are never deleted\n"
OLDER_TABLE = """\
ALTER TABLE {parent} ADD COLUMN IF NOT EXISTS last_{table}_id UUID;
COMMENT ON COLUMN {parent}.last_{table}_id IS 'The newest of its {table}, for lists';"""
POLICY = """\
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS {table}_own ON {table};
CREATE POLICY {table}_own ON {table}
    FOR SELECT USING (id = (SELECT NULLIF(current_setting('app.team_id', true), '')::UUID));"""
FUNCTION = """\
CREATE OR REPLACE FUNCTION touch_{table}() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
    -- The clock of the server counts, never that of a client.
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

CREATE OR REPLACE TRIGGER trg_{table}_touch
    BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_{table}();"""
ROWS = """\
CREATE TABLE IF NOT EXISTS {table}_kinds (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    label TEXT NOT NULL,
    rank INTEGER NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO {table}_kinds (label, rank) VALUES
    {rows};"""
VIEW = """\
CREATE OR REPLACE VIEW recent_{table} WITH (security_invoker = true) AS
SELECT id, created_at, rank() OVER (PARTITION BY created_at::DATE ORDER BY created_at DESC) AS place
FROM {table}
WHERE created_at > now() - INTERVAL '30 days' AND updated_at IS NOT NULL;"""
DAY_OF_FIRST_VERSION = 1_735_689_600  # 2025-01-01, in seconds
#: The number of the last migration, which no other reaches.
NEWEST = 100_000


def migration(number: int, dice: random.Random, tables: dict[str, str], *, slips: bool) -> tuple[str, str]:
    """The slug and the text of one migration, about 2.5 kB long.

    Adds the table that it makes to `tables`, with the version that makes it. One in ten has no index on its foreign
    key: with a suppression that says why, or, with `slips`, every second time without.
    """
    table = f"{dice.choice(QUALITIES)}_{dice.choice(NOUNS)}s_{number:04d}"
    parent = dice.choice(list(tables)) if tables else ""
    columns = [f"{name} {kind}" for name, kind in dice.sample(COLUMNS, dice.randint(5, 9))]
    if parent:
        columns.append(f"parent_id UUID NOT NULL CONSTRAINT fk_{table}_parent_id REFERENCES {parent}(id)")
    up = [TABLE.format(table=table, columns=",\n    ".join(columns))]
    down = [f"DROP TABLE IF EXISTS {table};"]
    chance = dice.random()
    if parent and chance < 0.9:
        up.append(f"CREATE INDEX IF NOT EXISTS idx_{table}_parent_id ON {table}(parent_id);")
    elif parent and (chance < 0.95 or not slips):
        up[0] = ALLOWED + up[0]
    if parent:
        up.append(OLDER_TABLE.format(table=table, parent=parent))
        down.insert(0, f"ALTER TABLE {parent} DROP COLUMN IF EXISTS last_{table}_id;")
    up.append(POLICY.format(table=table))
    match dice.randrange(3):
        case 0:
            up.append(FUNCTION.format(table=table))
            down.append(f"DROP FUNCTION IF EXISTS touch_{table}();")
        case 1:
            rows = (f"('{dice.choice(QUALITIES)} {dice.choice(NOUNS)}', {rank})" for rank in range(12))
            up.append(ROWS.format(table=table, rows=",\n    ".join(rows)))
            down.insert(0, f"DROP TABLE IF EXISTS {table}_kinds;")
        case _:
            up.append(VIEW.format(table=table))
            down.insert(0, f"DROP VIEW IF EXISTS recent_{table};")
    up.append(f"COMMENT ON TABLE {table} IS 'One row a {dice.choice(NOUNS)} that is {dice.choice(QUALITIES)}';")
    remarks = "".join(f"-- {' '.join(dice.choices(NOUNS, k=9))}\n" for _ in range(dice.randint(0, 9)))
    header = HEADER.format(table=table, version=version(number), parents=f'"{tables[parent]}"' if parent else "")
    tables[table] = version(number)
    return f"add_{table}", header + UP + remarks + "\n\n".join(up) + DOWN + "\n".join(down) + "\n"


def version(number: int) -> str:
    """The version of the migration with this number: one a minute."""
    return time.strftime("%Y%m%d_%H%M%S", time.gmtime(DAY_OF_FIRST_VERSION + 60 * number))


def write(folder: str, count: int, seed: int, *, slips: bool = False) -> list[str]:
    """Write `count` migrations into `folder` and return their paths, in order; with `slips` there is something to find.

    Whatever the `count`, the last one is the same file, of three or more.
    """
    os.makedirs(folder)
    dice = random.Random(seed)
    tables: dict[str, str] = {}
    paths: list[str] = []
    for number in (*range(count - 1), NEWEST):
        if number == NEWEST:
            dice, tables = random.Random(seed + 1), dict(itertools.islice(tables.items(), 2))
        slug, text = migration(number, dice, tables, slips=slips)
        paths.append(os.path.join(folder, f"{version(number)}_{slug}.sql"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(text)
    return paths
