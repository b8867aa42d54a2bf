"""The tools whose layouts are read."""

#: The layouts by name, and where each wants a statement that is not to run within a transaction.
LAYOUTS = {
    "elf": "a migration of its own with the header line `-- Transaction: none`",
    "supabase": "a file of its own, in which it is the only statement",
    "dbmate": "a file of its own, with `-- migrate:up transaction:false` above it",
    "goose": "the line `-- +goose NO TRANSACTION` in its file",
    "golang-migrate": "a file of its own, in which it is the only statement",
    "flyway": "a file of its own, with `executeInTransaction=false` in the script configuration beside it",
    "diesel": "a folder of its own, with `run_in_transaction = false` in its metadata.toml",
    "sqlx": "a file of its own, whose first line is `-- no-transaction`",
    "sqitch": "a place outside of BEGIN and COMMIT",
    "graphile-migrate": "a file of its own, which begins with `--! no-transaction`",
    "plain": "a file of its own, which is not run within a transaction",
}
