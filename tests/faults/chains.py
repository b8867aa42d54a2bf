"""The migrations that the trials deploy: of every kind, and such that whatever runs twice or not at all shows.

Each statement that may leaves a row in `effects`, which has no key: a row too many is a statement that ran twice, a
row too few one that was lost. Hardly anything says IF NOT EXISTS, so running it again would fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.migrate_files import write

if TYPE_CHECKING:
    from pathlib import Path

NONE = "-- Transaction: none\n"

#: Name, header lines, UP.
_CHAIN = (
    ("20250101_000000_tables", "", """\
CREATE TABLE effects (what text NOT NULL);
CREATE TABLE customers (id bigint NOT NULL, name text, visits integer NOT NULL DEFAULT 0);
CREATE INDEX customers_old ON customers (name);
CREATE TYPE mood AS ENUM ('sad');
INSERT INTO effects VALUES ('tables');
INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 20) i;"""),
    ("20250102_000000_data", "", """\
UPDATE customers SET visits = visits + 1;
INSERT INTO effects SELECT 'visits of ' || count(*) FROM customers;
SET search_path = pg_catalog;
INSERT INTO public.customers VALUES (21, 'größe; ''quoted''', 7);"""),
    ("20250103_000000_concurrently", NONE, """\
SET lock_timeout = '5s';
INSERT INTO effects VALUES ('before the index');
CREATE INDEX CONCURRENTLY customers_name ON customers (name);
INSERT INTO effects VALUES ('after the index');
VACUUM customers;
UPDATE customers SET visits = visits + 10;
DROP INDEX CONCURRENTLY customers_old;
INSERT INTO effects SELECT 'mood ' || current_setting('lock_timeout');"""),
    ("20250104_000000_do", "", """\
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM effects WHERE what = 'done') THEN
        ALTER TABLE customers ADD COLUMN feels mood;
        INSERT INTO effects VALUES ('done');
    END IF;
    UPDATE customers SET visits = visits * 2;
END $$;
CREATE FUNCTION greeting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'hello; ' || $1 $$;
INSERT INTO effects SELECT greeting('function');"""),
    ("20250105_000000_labels", NONE, """\
ALTER TYPE mood ADD VALUE 'fine';
INSERT INTO effects VALUES ('between');
UPDATE customers SET feels = 'fine' WHERE id < 5;
CREATE UNIQUE INDEX CONCURRENTLY customers_id ON customers (id);"""),
    ("20250106_000000_own_transaction", "", """\
BEGIN;
CREATE VIEW happy AS SELECT id, visits FROM customers WHERE feels = 'fine';
INSERT INTO effects SELECT 'visits ' || sum(visits) FROM customers;
COMMIT;"""),
)  # fmt: skip

#: Rules that judge what is written here on purpose.
_CONFIGURATION = """\
lock-timeout = "5s"
ignore = [
    "backfill-in-schema-change", "create-without-if-not-exists", "create-without-or-replace",
    "drop-without-if-exists", "incomplete-down", "index-name", "missing-created-at", "missing-primary-key",
    "set-without-local", "update-without-where", "work-under-exclusive-lock",
]
"""


def chain(folder: Path) -> list[str]:
    """Write the chain into `folder`/migrations and return the versions."""
    versions = []
    (folder / "elf-sqlcheck.toml").write_text(_CONFIGURATION, encoding="utf-8")
    for name, header, up in _CHAIN:
        write(folder / "migrations", name, up, header=header)
        versions.append(name[:15])
    return versions
