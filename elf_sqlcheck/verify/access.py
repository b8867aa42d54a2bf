"""Whether a migration lets strangers in: what it exposes is read and written as the roles of a Supabase API do.

What is reported is what surely nobody meant: a policy that names `anon`, a policy that is true for everybody, and a
grant of nothing but SELECT say that somebody did mean it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from elf_sqlcheck.postgres.compare import Difference
from elf_sqlcheck.verify.access_probe import Answers, probe
from elf_sqlcheck.verify.access_relations import Relation, changed, read, read_oids
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.culprit import culprit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

_DONE = {"INSERT": "added a row", "UPDATE": "changed rows", "DELETE": "deleted rows"}


class Access(Check):
    """Asks each relation that a migration made or opened as `anon`, and as a user whose rows they are not.

    What a later migration closes again is no finding: tables are often made in one and locked in the next.
    """

    def __init__(self) -> None:
        self._open: list[tuple[Step, str, _Hole]] = []

    def applied(self, stage: Stage, step: Step) -> None:
        """Ask, and remember what should not have been answered; the answers are in `step.more["access"]`."""
        if step.before is None or step.after is None:
            return
        names = changed(step.before, step.after, stage.options.exposed)
        asked = _ask(stage, names) if names else []
        for relation, _, holes in asked:
            rules = {hole.rule for hole in holes}
            self._open = [one for one in self._open if one[1] != relation.name or one[2].rule in rules]
            known = {hole.rule for _, name, hole in self._open if name == relation.name}
            self._open += [(step, relation.name, hole) for hole in holes if hole.rule not in known]
        if asked:
            step.more["access"] = {relation.name: _shown(relation, got) for relation, got, _ in asked}

    def finish(self, stage: Stage) -> None:
        """Say what is still open."""
        names = list(dict.fromkeys(name for _, name, _ in self._open))
        left = {(r.name, hole.rule) for r, _, holes in _ask(stage, names) for hole in holes} if names else set()
        for step, name, hole in self._open:
            if (name, hole.rule) in left:
                about = Difference("table", name, "changed")
                if hole.policy:
                    shown = '"' + hole.policy.replace('"', '""') + '"'
                    about = Difference("policy", f"{shown} on {name}", "changed", hangs_on=(("table", name),))
                span = culprit(step.migration, about)
                stage.find(hole.rule, step.migration, hole.message, span, hole.instead)


class _Hole(NamedTuple):
    """What should not have been let in: the rule, in words, what to write, and the policy to blame ("": none)."""

    rule: str
    message: str
    instead: str
    policy: str


def _ask(stage: Stage, names: Sequence[str]) -> list[tuple[Relation, Answers, list[_Hole]]]:
    """Ask those of the relations that are granted to a role of the API."""
    relations = [relation for relation in read(stage.executor, names) if relation.granted]
    if not relations:
        return []
    oids = {oid for relation in relations for oid in relation.below}
    below = {table.oid: table for table in read_oids(stage.executor, oids)} if oids else {}
    answers = probe(stage.executor, [*relations, *below.values()], below)
    found = []
    for relation in relations:
        got = answers[relation.name]
        tables = [(below[oid], answers[below[oid].name]) for oid in relation.below if oid in below]
        holes = _of_table(relation, got) if relation.kind == "table" else _of_view(relation, got, tables)
        found.append((relation, got, list(holes)))
    return found


def _of_table(table: Relation, got: Answers) -> Iterator[_Hole]:
    """Yield what a table should not have let in."""
    wrote = [command for command in _DONE if got.anon.wrote.get(command) and not _means_anon(table, command)]
    if wrote:
        reason, policy = _because(table, "anon", wrote[0])
        message = (
            f"anon {_listed([_DONE[command] for command in wrote])} of {table.name}: {reason}, "
            "so anybody can who has the project's public key"
        )
        yield _Hole("anon-can-write", message, _locked(table, wrote, policy), policy)
    elif _reads_all(table, got):
        message = f"anon read {_rows(got.anon.read, got.anon.rows)} of {table.name}: its row level security is off"
        yield _Hole("anon-can-read", message, _locked(table, ["SELECT"], ""), "")
    if not table.row_security or not table.owners:
        return
    owner = _listed(list(table.owners))
    theirs = [command for command in ("UPDATE", "DELETE") if got.other.wrote.get(command) and _is_sure(table, command)]
    if theirs:
        reason, policy = _because(table, "authenticated", theirs[0])
        done = _listed([_DONE[command] for command in theirs])
        message = f"a user who has signed in {done} of {table.name} whose {owner} is another user: {reason}"
        yield _Hole("writes-rows-of-others", message, _own(table, theirs[0], policy), policy)
    bound = [policy for policy in table.lets("authenticated", "SELECT") if policy.owner]
    if got.other.read and bound and _is_sure(table, "SELECT"):
        reason, policy = _because(table, "authenticated", "SELECT")
        message = (
            f"a user who has signed in read {_rows(got.other.read, got.other.rows)} of {table.name} whose {owner} is "
            f"another user, although policy {bound[0].name} binds rows to it: {reason}"
        )
        yield _Hole("sees-rows-of-others", message, _own(table, "SELECT", policy), policy)


def _of_view(view: Relation, got: Answers, tables: Sequence[tuple[Relation, Answers]]) -> Iterator[_Hole]:
    """Yield what a view shows or writes that the tables below it keep to themselves."""
    if view.granted.get("anon", frozenset()) <= {"SELECT"}:
        return
    repair = f"ALTER VIEW {view.name} SET (security_invoker = true);"
    if view.kind == "materialized view":
        repair = f"REVOKE ALL ON {view.name} FROM anon, authenticated;"
    wrote = [command for command in ("UPDATE", "DELETE") if got.anon.wrote.get(command)]
    for table, answers in tables:
        if wrote and table.row_security and not any(answers.anon.wrote.get(command) for command in wrote):
            message = (
                f"anon {_listed([_DONE[command] for command in wrote])} of {table.name} through view {view.name}: "
                "it acts with the rights of its owner, whom row level security does not bind"
            )
            yield _Hole("anon-can-write", message, repair, "")
            return
        if got.anon.read and table.row_security and not answers.anon.read:
            message = (
                f"anon read {_rows(got.anon.read, got.anon.rows)} of {view.kind} {view.name}, and none of {table.name} "
                "below it: the view reads with the rights of its owner, whom row level security does not bind"
            )
            yield _Hole("anon-can-read", message, repair, "")
            return


def _reads_all(table: Relation, got: Answers) -> bool:
    """Whether anon reads rows of a table without row level security, and was granted more than to read."""
    return not table.row_security and bool(got.anon.read) and table.granted.get("anon", frozenset()) > {"SELECT"}


def _means_anon(table: Relation, command: str) -> bool:
    """Whether a policy lets `anon` in by name, or everybody add rows: somebody wanted that."""
    return table.row_security and any(
        "anon" in policy.roles or (policy.command == "INSERT" and policy.check == "true")
        for policy in table.lets("anon", command)
    )


def _is_sure(table: Relation, command: str) -> bool:
    """Whether users get at each other's rows by an oversight: all policies look at the owner, or at nothing.

    What a policy lets pass for what else is in a row (`is_published`, a team) may be right. So may a policy
    for reading that is true for all rows; there is no other way to say that everybody may read them.
    """
    policies = table.lets("authenticated", command)
    public = command == "SELECT" and any(policy.using == "true" for policy in policies)
    return not public and not any(policy.looks_further for policy in policies)


def _because(table: Relation, role: str, command: str) -> tuple[str, str]:
    """Why the table let `role` in, and the policy that did ("" when there is none)."""
    if not table.row_security:
        return "its row level security is off", ""
    policies = table.lets(role, command)
    loose = next((policy for policy in policies if not policy.owner), policies[0] if policies else None)
    if loose is None:
        return "no policy forbids it", ""
    condition = (loose.check if command == "INSERT" and loose.check else loose.using) or "true"
    return f"policy {loose.name} allows it where {condition}", loose.name


def _locked(table: Relation, commands: list[str], policy: str) -> str:
    if not table.row_security:
        return f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY; and a policy for each of those who may use it."
    quoted = '"' + policy.replace('"', '""') + '"'
    return (
        f"ALTER POLICY {quoted} ON {table.name} TO authenticated; or TO anon, authenticated when strangers are meant; "
        f"else REVOKE {', '.join(commands)} ON {table.name} FROM anon;"
    )


def _own(table: Relation, command: str, policy: str) -> str:
    quoted = '"' + policy.replace('"', '""') + '"'
    where = f"(SELECT auth.uid()) = {table.owners[0]}"
    if not policy:
        return f"CREATE POLICY own ON {table.name} FOR {command} TO authenticated USING ({where});"
    return f"ALTER POLICY {quoted} ON {table.name} USING ({where});"


def _rows(read: int | None, rows: int) -> str:
    return f"{read} of {rows} row{'' if rows == 1 else 's'}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _shown(relation: Relation, got: Answers) -> dict[str, object]:
    """What a report shows of a relation: `authenticated` asked for the rows of another user, where rows have one."""
    return {
        "kind": relation.kind,
        "row level security": relation.row_security,
        "owners": list(relation.owners),
        "not filled": got.reason,
        "anon": got.anon.as_data(),
        "authenticated": got.other.as_data(),
    }
