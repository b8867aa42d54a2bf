"""What a verification is to try, beyond applying and rolling back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.teams import Team


@dataclass(frozen=True)
class Options:
    """What `verify` does.

    Attributes:
        rows: How many synthetic rows each older table gets that a migration touches; 0 leaves the tables as they are.
        seed: What the synthetic rows are made from: the same seed gives the same rows.
        sample: A file or folder (CSV, SQL) with rows to use instead of synthetic ones; "" for none.
        cuts: At how many boundaries of statements a migration is really cut short, at most. Each boundary is judged,
            by what a rehearsal shows there, and really cut where that is suspicious; 0 judges and cuts none, None
            really cuts at every one.
        twice: Apply each UP a second time, on top of itself.
        chain: Walk the whole chain down to nothing and up again.
        traffic: Read and write the touched tables in a second session while UP runs.
        queries: Files of queries (sqlc, pgtyped or plain) that have to work before and after each migration.
        profile: "supabase" for its roles, schemas and privileges; "" for a bare Postgres.
        auto_expose: With the profile supabase: whether new tables are granted to the API's roles by default.
        exposed: The schemas that the Data API serves.
        statement_timeout: After how many seconds a statement is cancelled, snapshots of the schema included; 0 for
            never.
        observe: Watch locks, rewrites, durations and WAL of each statement.
        teams: Run migrations of teams as their roles; the teams of the configuration. None runs them as all others.
        untrusted: Nobody has looked at the migrations yet: nothing is done with a superuser's rights for them.
    """

    rows: int = 100
    seed: int = 1
    sample: str = ""
    cuts: int | None = 25
    twice: bool = False
    chain: bool = False
    traffic: bool = False
    queries: tuple[str, ...] = ()
    profile: str = ""
    auto_expose: bool = False
    exposed: tuple[str, ...] = ("public", "graphql_public")
    statement_timeout: float = 60.0
    observe: bool = True
    teams: Mapping[str, Team] | None = None
    untrusted: bool = False


DEFAULT = Options()
