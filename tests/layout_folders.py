"""A tiny series of migrations in the layout of each tool: a table, and an index on it built outside of transactions."""

from __future__ import annotations

TABLE = "CREATE TABLE users (\n    id uuid PRIMARY KEY,\n    email text NOT NULL\n);\n"
NO_TABLE = "DROP TABLE users;\n"
INDEX = "CREATE INDEX CONCURRENTLY idx_users_email ON users (email);\n"
NO_INDEX = "DROP INDEX CONCURRENTLY idx_users_email;\n"
PLAN = (
    "%syntax-version=1.0.0\n%project=shop\n\n"
    "users 2025-01-21T09:30:00Z Ada <ada@example.org> # People.\n"
    "users_email [users] 2025-01-21T09:31:00Z Ada <ada@example.org> # Found by mail.\n"
    "@v1 2025-01-21T09:32:00Z Ada <ada@example.org> # First.\n"
)

#: The files of each layout, by their paths from the root of the project, and the migrations folder there.
FOLDERS: dict[str, tuple[str, dict[str, str]]] = {
    "supabase": (
        "supabase/migrations",
        {
            "supabase/migrations/20250121093000_users.sql": TABLE,
            "supabase/migrations/20250121093100_users_email.sql": INDEX,
        },
    ),
    "dbmate": (
        "db/migrations",
        {
            "db/migrations/20250121093000_users.sql": f"-- migrate:up\n{TABLE}\n-- migrate:down\n{NO_TABLE}",
            "db/migrations/20250121093100_users_email.sql": (
                f"-- migrate:up transaction:false\n{INDEX}\n-- migrate:down transaction:false\n{NO_INDEX}"
            ),
        },
    ),
    "goose": (
        "migrations",
        {
            "migrations/00001_users.sql": f"-- +goose Up\n{TABLE}\n-- +goose Down\n{NO_TABLE}",
            "migrations/00002_users_email.sql": (
                f"-- +goose NO TRANSACTION\n-- +goose Up\n{INDEX}\n-- +goose Down\n{NO_INDEX}"
            ),
        },
    ),
    "golang-migrate": (
        "migrations",
        {
            "migrations/9_users.up.sql": TABLE,
            "migrations/9_users.down.sql": NO_TABLE,
            "migrations/10_users_email.up.sql": INDEX,
            "migrations/10_users_email.down.sql": NO_INDEX,
        },
    ),
    "flyway": (
        "db/migration",
        {
            "db/migration/V1_9__users.sql": TABLE,
            "db/migration/U1_9__users.sql": NO_TABLE,
            "db/migration/indexes/V1.10__users_email.sql": INDEX,
            "db/migration/indexes/U1.10__users_email.sql": NO_INDEX,
            "db/migration/R__mails.sql": "CREATE OR REPLACE VIEW mails AS SELECT email FROM users;\n",
        },
    ),
    "diesel": (
        "migrations",
        {
            "migrations/2025-01-21-093000_users/up.sql": TABLE,
            "migrations/2025-01-21-093000_users/down.sql": NO_TABLE,
            "migrations/2025-01-21-093100_users_email/up.sql": INDEX,
            "migrations/2025-01-21-093100_users_email/down.sql": NO_INDEX,
            "migrations/2025-01-21-093100_users_email/metadata.toml": "run_in_transaction = false\n",
        },
    ),
    "prisma": (
        "prisma/migrations",
        {
            "prisma/migrations/20250121093000_users/migration.sql": TABLE,
            "prisma/migrations/20250121093000_users/down.sql": NO_TABLE,
            "prisma/migrations/20250121093100_users_email/migration.sql": INDEX,
            "prisma/migrations/20250121093100_users_email/down.sql": NO_INDEX,
        },
    ),
    "sqlx": (
        "migrations",
        {
            "migrations/20250121093000_users.up.sql": TABLE,
            "migrations/20250121093000_users.down.sql": NO_TABLE,
            "migrations/20250121093100_users_email.up.sql": f"-- no-transaction\n{INDEX}",
            "migrations/20250121093100_users_email.down.sql": f"-- no-transaction\n{NO_INDEX}",
        },
    ),
    "sqitch": (
        "database",
        {
            "database/sqitch.plan": PLAN,
            "database/deploy/users.sql": f"-- Deploy shop:users to pg\n\nBEGIN;\n{TABLE}COMMIT;\n",
            "database/revert/users.sql": f"-- Revert shop:users from pg\n\nBEGIN;\n{NO_TABLE}COMMIT;\n",
            "database/verify/users.sql": "BEGIN;\nSELECT id FROM users WHERE false;\nROLLBACK;\n",
            "database/deploy/users_email.sql": f"-- Deploy shop:users_email to pg\n-- requires: users\n\n{INDEX}",
            "database/revert/users_email.sql": NO_INDEX,
        },
    ),
    "graphile-migrate": (
        "migrations",
        {
            "migrations/committed/000001-users.sql": f"--! Previous: -\n--! Hash: sha1:aa\n\n{TABLE}",
            "migrations/committed/000002.sql": (
                f"--! Previous: sha1:aa\n--! Hash: sha1:bb\n--! Message: mail\n\n--! no-transaction\n{INDEX}"
            ),
            "migrations/current.sql": "-- Enter migration here\n",
        },
    ),
    "plain": ("sql", {"sql/1_users.sql": TABLE}),
}
#: Layouts whose migrations can be rolled back.
REVERSIBLE = sorted(FOLDERS.keys() - {"supabase", "graphile-migrate", "plain"})
