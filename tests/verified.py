"""A verification in which everything happened that one can report, on names that want to be something else."""

from __future__ import annotations

from typing import Any

from elf_sqlcheck import layouts
from elf_sqlcheck.model import Finding, Migration, Severity, Span
from elf_sqlcheck.postgres.compare import Difference
from elf_sqlcheck.postgres.snapshot import Key, Snapshot
from elf_sqlcheck.reports import Report
from elf_sqlcheck.verify import Step, Verification
from elf_sqlcheck.verify.result import Blocked, BrokenRow, Filled, Held, Observed

HOSTILE = '<img src=x onerror="window.hurt=1">'
PATH = "migrations/20250102_000000_members.sql"
FIRST = "migrations/20250101_000000_teams.sql"
SECRET = "sb_secret_" + "q7Zk2Wm9Xp4Lt8Rv1Ns6Yb3"
DATA = f"""\
-- ======= UP MIGRATION =======
CREATE TABLE members (team uuid REFERENCES teams);
ALTER TABLE teams ALTER COLUMN name TYPE varchar(40);
COMMENT ON TABLE teams IS '</script><script>window.hurt=1</script>{HOSTILE}';
CREATE UNIQUE INDEX ON teams (name);
-- ======= DOWN MIGRATION =======
DROP TABLE members;
"""


def migration(path: str, text: str) -> Migration:
    return layouts.read(path, text.encode(), "elf")


def span(one: Migration, text: str) -> Span:
    start = one.data.index(text.encode())
    return Span(start, start + len(text.encode()))


def _column(table: str, name: str, kind: str, *, required: bool = False) -> Snapshot:
    key = ("column", f"{table}.{name}")
    return Snapshot({key: {"type": kind, "not null": required, "default": None}}, {key: ("table", table)})


def _table(name: str, *parts: Snapshot) -> Snapshot:
    made = Snapshot({("table", name): {"persistence": "permanent"}}, {("table", name): ("schema", "public")})
    return joined(made, *parts)


def _constraint(table: str, name: str, definition: str) -> Snapshot:
    key = ("constraint", f"{name} on {table}")
    return Snapshot({key: {"definition": definition, "validated": True}}, {key: ("table", table)})


def joined(*parts: Snapshot) -> Snapshot:
    objects = {("schema", "public"): dict[str, Any]()}
    parents: dict[Key, Key] = {}
    for part in parts:
        objects.update(part.objects)
        parents.update(part.parents)
    return Snapshot(objects, parents)


def _teams(kind: str, *more: Snapshot) -> Snapshot:
    return _table(
        "public.teams",
        _column("public.teams", "id", "uuid", required=True),
        _column("public.teams", "name", kind),
        _constraint("public.teams", "teams_pkey", "PRIMARY KEY (id)"),
        *more,
    )


def schemas() -> tuple[Snapshot, Snapshot]:
    """Before and after: a column changed, one dropped, a table added that references, one with a hostile name."""
    odd = f'public."{HOSTILE.replace(chr(34), chr(34) * 2)}"'
    hostile = _table(odd, _column(odd, "id", "uuid"))
    before = joined(_teams("text", _column("public.teams", "gone", "integer")), hostile)
    members = _table(
        "public.members",
        _column("public.members", "team", "uuid"),
        _constraint("public.members", "members_team_fkey", "FOREIGN KEY (team) REFERENCES public.teams(id)"),
    )
    changed = joined(hostile, _column(odd, HOSTILE, "text"))
    return before, joined(_teams("character varying(40)"), members, changed)


def report() -> Report:
    first = migration(FIRST, "-- ======= UP MIGRATION =======\nCREATE TABLE teams (id uuid PRIMARY KEY, name text);\n")
    second = migration(PATH, DATA)
    create, alter, comment, index = (statement.span for statement in second.up.statements)
    before, after = schemas()
    exclusive = Held("public.teams", "table", "access exclusive", "reads and writes")
    step = Step(
        second,
        judged=True,
        applied=True,
        rolled_back=True,
        reapplied=True,
        ms=1540.25,
        observed=[
            Observed(create, 2.5, 800, (Held("public.teams", "table", "share row exclusive", "writes"),)),
            Observed(
                alter,
                1200.0,
                3_000_000,
                (exclusive,),
                rewritten=("public.teams",),
                scanned=("public.teams",),
                grows=True,
            ),
            Observed(comment, 0.2, 90, (_inherited(exclusive),)),
            Observed(index, 300.0, 20_000, (_inherited(exclusive),), scanned=("public.teams",), grows=True),
        ],
        filled=[Filled("public.teams", 100), Filled(f"public.{HOSTILE}", 0, "no value satisfies its CHECK")],
        broken_rows=[BrokenRow("public.teams", (("name", HOSTILE), ("id", None)), index, "could not create it")],
        blocked=[Blocked("SELECT * FROM public.teams", "public.teams", 100.0, alter, gave_up=True)],
        differences=[
            Difference("column", "public.teams.name", "changed", "type", "text", "character varying(40)"),
            Difference("function", f"public.{HOSTILE}()", "changed", "body", "a\nb\nc", "a\nB\nc"),
            Difference("extension", "pgcrypto", "added", matters=False, remark="It does no harm."),
        ],
        proposal=f"ALTER TABLE public.teams ALTER COLUMN name TYPE text; -- {HOSTILE}",
        before=before,
        after=after,
        more={"cuts": {"tried": 4, "of": 4}, "twice": "fails cleanly", "hostile": [HOSTILE, SECRET]},
    )
    result = Verification(
        steps=[Step(first, judged=False, applied=True), step],
        notes=[f"a note about {HOSTILE}", f"{PATH.replace('members', 'members_of_teams_with_a_long_name')}: a note"],
        server="PostgreSQL 18.6 (embedded wheel)",
    )
    findings = (
        Finding(
            "rollback-does-not-restore",
            "verify",
            Severity.ERROR,
            "after the rollback: column public.teams.name: type was text and is character varying(40).",
            PATH,
            alter,
            "Why it matters: say `-- Irreversible: <reason>` instead.",
            "ALTER TABLE teams ALTER COLUMN name TYPE text;",
        ),
        Finding("fails-on-rows", "verify", Severity.WARNING, f"{HOSTILE} @everybody", PATH, index, "", "one\ntwo```"),
        Finding("unindexed-foreign-key", "keys", Severity.NOTE, "no index", PATH, create),
    )
    return Report(findings, {FIRST: first.data, PATH: second.data}, 2, suppressed=1, verification=result, seconds=12.34)


def _inherited(held: Held) -> Held:
    return Held(held.relation, held.kind, held.mode, held.blocks, inherited=True)
