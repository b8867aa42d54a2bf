"""What reaches out of the database, or turns off what protects it."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AlterSystem,
    Call,
    Context,
    CreateExtension,
    CreateFunction,
    CreateTable,
    CreateTrigger,
    Example,
    Finding,
    Opaque,
    Rule,
    SetSetting,
    SetTrigger,
    Severity,
    WriteRows,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_FILES = ("lo_", "pg_file_", "pg_logdir_ls", "pg_ls_", "pg_read_", "pg_stat_file")
_FILE_EXTENSIONS = frozenset(["adminpack", "file_fdw"])
_LINKS = frozenset(["dblink", "mysql_fdw", "oracle_fdw", "postgres_fdw", "tds_fdw"])
#: Where the functions of the extensions `http` and `pg_net`, and those of Supabase's webhooks, are.
_HTTP_SCHEMAS = frozenset(["", "extensions", "http", "net", "public", "supabase_functions"])
_CATALOGS = ("pg_catalog", "information_schema")


def _files(context: Context[Call | Opaque | CreateExtension]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, Call):
        bare = change.name.rpartition(".")[2]
        if bare.startswith(_FILES):
            yield context.finding(f"{bare} reaches the files of the server's own machine")
    elif isinstance(change, CreateExtension):
        if change.name in _FILE_EXTENSIONS:
            yield context.finding(
                f"extension {change.name} is for reading and writing files of the server's own machine"
            )
    elif change.what == "COPY with a program of the server":
        yield context.finding("COPY … PROGRAM runs a command on the server's own machine, as the server's user")
    elif change.what == "COPY with a file of the server":
        yield context.finding(
            "COPY reads or writes a file of the server's own machine, not of the one that the migration is on"
        )


def _system(context: Context[Any]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, AlterSystem):
        if change.what == "ALTER SYSTEM":
            yield context.finding(
                "ALTER SYSTEM changes the configuration of the whole server, for all of its databases"
            )
    elif isinstance(change, SetSetting):
        if change.name == "session_replication_role" and (change.value or "").lower() == "replica":
            message = "session_replication_role = replica turns off every trigger and foreign key: rows that they would refuse go in"
            yield context.finding(message)
    elif isinstance(change, SetTrigger):
        if change.name == "*" and change.enabled == "disabled":
            message = f"all triggers of {change.table} are turned off, those that check foreign keys included"
            yield context.finding(
                message, instead=f"ALTER TABLE {change.table} DISABLE TRIGGER name; and ENABLE it in the same migration"
            )
    elif isinstance(change, Opaque):
        if change.statement.kind in {"AlterEventTrigStmt", "CreateEventTrigStmt"}:
            yield context.finding(
                "an event trigger runs on the DDL of everybody in this database: an error in it stops all migrations"
            )
    else:
        table = change.table if isinstance(change, WriteRows) else change.name
        known = table.schema in _CATALOGS
        if not known and table.schema is None and isinstance(change, WriteRows) and table.name.startswith("pg_"):
            known = not context.now.knows("relation", table)
        if known:
            what = "writes to" if isinstance(change, WriteRows) else "makes"
            yield context.finding(f"this {what} {table}, a system catalog: nothing checks what is put there")


def _outbound(context: Context[Call | CreateExtension | CreateTrigger | Opaque]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, CreateExtension):
        if change.name in _LINKS:
            yield context.finding(f"extension {change.name} opens connections to other databases")
    elif isinstance(change, CreateTrigger):
        function = change.trigger.function
        if function.schema == "supabase_functions" and function.name == "http_request":
            yield context.finding(f"each change of a row of {change.table} is sent to a server outside")
    elif isinstance(change, Opaque):
        if change.statement.kind == "CreateForeignServerStmt":
            yield context.finding("a foreign server is another database that queries here will connect to")
        elif change.statement.kind == "CreateSubscriptionStmt":
            yield context.finding(
                "a subscription connects to another server and writes what that sends into these tables"
            )
    else:
        schema, _, bare = change.name.rpartition(".")
        own = not schema and bool(context.now.routines(bare))
        if bare.startswith("dblink") or (bare.startswith("http") and schema in _HTTP_SCHEMAS and not own):
            when = (
                "each time the function runs" if change.statement.inside == "function" else "while the migration runs"
            )
            yield context.finding(f"{change.name} connects to another server {when}")


_T = "CREATE TABLE notes (id UUID PRIMARY KEY, body TEXT);"
_DANGEROUS = "writes outside of the database"

SERVER_FILE_OR_PROGRAM = Rule(
    name="server-file-or-program",
    family="access",
    severity=Severity.ERROR,
    summary="files or programs of the machine that the server runs on",
    why="It acts as the server's own user, past all permissions of the database: it reads keys and other databases' files, or runs commands. Supabase and other hosts refuse it, so the migration fails there.",
    instead="COPY … FROM STDIN (psql's \\copy) for data; for anything else, a program outside of the database.",
    on=(Call, Opaque, CreateExtension),
    check=_files,
    bad=(
        Example("COPY notes FROM PROGRAM 'curl https://example.com/notes.csv'; -- finding", before=_T, runs=_DANGEROUS),
        Example("COPY notes TO '/tmp/notes.csv'; -- finding", before=_T, runs=_DANGEROUS),
        Example("SELECT pg_read_file('PG_VERSION'); -- finding"),
        Example(
            "INSERT INTO notes (id, body)\nSELECT gen_random_uuid(), name FROM pg_ls_dir('.') AS name; -- finding",
            before=_T,
        ),
        Example(
            "CREATE FUNCTION peek(path TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$ BEGIN\n    RETURN pg_read_file(path); -- finding\nEND $$;"
        ),
        Example("CREATE TABLE versions (v TEXT DEFAULT pg_read_file('PG_VERSION')); -- finding"),
        Example("CREATE EXTENSION IF NOT EXISTS file_fdw; -- finding"),
    ),
    good=(
        Example("COPY notes FROM STDIN;", before=_T, runs="COPY needs the rows"),
        Example("COMMENT ON TABLE notes IS 'not pg_read_file(), not COPY … PROGRAM';", before=_T),
        Example("CREATE TABLE pg_read_files (lo_import TEXT);\nSELECT lo_import FROM pg_read_files;"),
    ),
    sections=("up", "down"),
    bodies=True,
)

SYSTEM_CHANGE = Rule(
    name="system-change",
    family="access",
    severity=Severity.ERROR,
    summary="a change to the server, to its catalogs, or to what guards all tables",
    why="It acts on everybody who uses the server or the database, not on the tables of this migration, and no DOWN brings back what it was: rows that break their foreign keys stay, and a wrong catalog entry can make the database unusable.",
    instead="Change the server's settings where it is managed; disable one trigger by its name, and enable it again.",
    on=(AlterSystem, SetSetting, SetTrigger, Opaque, WriteRows, CreateTable, CreateFunction),
    check=_system,
    bad=(
        Example("ALTER SYSTEM SET log_statement = 'none'; -- finding", runs="changes the server"),
        Example("SET LOCAL session_replication_role = 'replica'; -- finding"),
        Example("SELECT set_config('session_replication_role', 'replica', true); -- finding"),
        Example("ALTER TABLE notes DISABLE TRIGGER ALL; -- finding", before=_T),
        Example("UPDATE pg_catalog.pg_database SET datconnlimit = -1 WHERE datname = 'template1'; -- finding"),
        Example(
            "DO $$ BEGIN\n    UPDATE pg_attribute SET attnotnull = false WHERE attrelid = 'notes'::regclass AND attname = 'body'; -- finding\nEND $$;",
            before=_T,
        ),
        Example(
            "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;\nCREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION watch(); -- finding"
        ),
    ),
    good=(
        Example("SET LOCAL session_replication_role = DEFAULT;\nSET LOCAL lock_timeout = '2s';"),
        Example(
            "ALTER TABLE notes DISABLE TRIGGER touch;\nALTER TABLE notes ENABLE TRIGGER touch;\nALTER TABLE notes ENABLE TRIGGER ALL;",
            before=f"{_T} CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER touch BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION f();",
        ),
        Example(
            "CREATE TABLE pg_notes (id UUID);\nINSERT INTO pg_notes VALUES (gen_random_uuid());\nSELECT count(*) FROM pg_catalog.pg_class;"
        ),
    ),
    sections=("up", "down"),
    bodies=True,
)

OUTBOUND_CONNECTION = Rule(
    name="outbound-connection",
    family="access",
    severity=Severity.WARNING,
    summary="the database connects to another server",
    why="Rows can leave the database this way with no trace outside of it, the transaction and its locks wait for a machine that somebody else runs, and what was sent is not taken back by a rollback.",
    instead="Write what is to be sent into a table (an outbox) and let a worker send it, or name the reason in a comment: -- elf: allow outbound-connection -- reason.",
    on=(Call, CreateExtension, CreateTrigger, Opaque),
    check=_outbound,
    bad=(
        Example("CREATE EXTENSION IF NOT EXISTS dblink; -- finding"),
        Example(
            "CREATE SERVER warehouse FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example.com'); -- finding",
            before="CREATE EXTENSION postgres_fdw;",
        ),
        Example(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    PERFORM net.http_post('https://example.com/hook', to_jsonb(NEW)); -- finding\n    RETURN NEW;\nEND $$;"
        ),
        Example(
            "CREATE FUNCTION front_page() RETURNS TEXT LANGUAGE plpgsql AS $$ BEGIN\n    RETURN (SELECT content FROM http_get('https://example.com')); -- finding\nEND $$;"
        ),
        Example(
            "CREATE TRIGGER hook AFTER INSERT ON notes -- finding\n    FOR EACH ROW EXECUTE FUNCTION supabase_functions.http_request('https://example.com', 'POST');",
            before=_T,
            runs="needs Supabase's webhooks",
        ),
    ),
    good=(
        Example(
            "CREATE FUNCTION http_get(path TEXT) RETURNS TEXT LANGUAGE sql AS 'SELECT path';\nSELECT http_get('/');"
        ),
        Example("CREATE TABLE outbox (id UUID PRIMARY KEY, http_status INT);"),
        Example("SELECT 'https://example.com' AS http_url;"),
    ),
    sections=("up", "down"),
    bodies=True,
)

RULES = (SERVER_FILE_OR_PROGRAM, SYSTEM_CHANGE, OUTBOUND_CONNECTION)
