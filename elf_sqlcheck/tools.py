"""The tools whose layouts are read."""

#: The layouts by name, and what each needs for a statement that is not to run within a transaction.
LAYOUTS = {
    "elf": "a migration of its own with the header line `-- Transaction: none`",
    "supabase": "a file of its own (before 2.109 the Supabase CLI refuses it beside other statements)",
    "dbmate": "a file of its own with `-- migrate:up transaction:false`",
    "goose": "a file of its own with the line `-- +goose NO TRANSACTION`",
    "golang-migrate": "a file of its own, as the only statement",
    "flyway": "a file of its own, or one with `executeInTransaction=false` in its script configuration",
    "diesel": "a folder of its own with `run_in_transaction = false` in its metadata.toml",
    "prisma": "a migration of its own, as the only statement",
    "sqlx": "a file of its own, whose first line is `-- no-transaction`",
    "sqitch": "a script without BEGIN and COMMIT around it",
    "graphile-migrate": "a file of its own, which begins with `--! no-transaction`",
    "plain": "a file of its own, which is not run within a transaction",
}
