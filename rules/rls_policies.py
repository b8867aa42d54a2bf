"""What the policies of row level security say."""

from __future__ import annotations

from elf_sqlcheck.rule import AlterPolicy, CreatePolicy, Edit, Example, Fix, Rule, Severity, Span, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Context, Expression, Finding, Name, Policy, Schema

_CLIENTS = frozenset({"public", "anon", "authenticated"})
#: Roles that row level security does not concern.
_BYPASSING = frozenset({"service_role", "postgres", "supabase_admin"})
_ALWAYS = frozenset({"true", "1 = 1", "NOT false"})
_PER_REQUEST = frozenset({"auth.uid", "auth.jwt", "auth.role", "auth.email", "current_setting"})
#: Supabase's own schemas, whose tables are for several purposes at once: each bucket of storage.objects has policies.
_SHARED = frozenset({"auth", "realtime", "storage"})


def _written(context: Context[CreatePolicy | AlterPolicy]) -> Policy | None:
    """The policy as the migration leaves it; None when that is not known, or another of its statements writes it."""
    change = context.change
    said = change.policy if isinstance(change, CreatePolicy) else change
    table = context.after.table(change.table)
    policy = table.policies.get(said.name) if table else None
    return policy if policy is not None and _is_as((said.using, said.check), policy) else None


def _said(context: Context[CreatePolicy | AlterPolicy]) -> tuple[Name, str, Expression | None, Expression | None]:
    """What the statement writes into a policy: its table and its name, USING and WITH CHECK."""
    change = context.change
    said = change.policy if isinstance(change, CreatePolicy) else change
    return context.now.resolve(change.table), said.name, said.using, said.check


def _stays(final: Schema, table: Name, name: str, using: Expression | None, check: Expression | None) -> bool:
    """Whether no later file of the run writes or drops the policy."""
    owner = final.table(table)
    policy = owner.policies.get(name) if owner else None
    return policy is not None and _is_as((using, check), policy)


def _is_as(said: tuple[Expression | None, Expression | None], kept: Policy) -> bool:
    """Whether a policy has these conditions from the very statement that writes them."""
    pairs = zip(said, (kept.using, kept.check), strict=True)
    return all(e is None or (now is not None and e == now and e.span == now.span) for e, now in pairs)


def _is_always_true(expression: Expression | None) -> bool:
    return expression is not None and expression.text in _ALWAYS


def _policy_always_true(context: Context[CreatePolicy | AlterPolicy]) -> Iterator[Finding]:
    change = context.change
    said = change.policy if isinstance(change, CreatePolicy) else change
    if not _is_always_true(said.using) and not _is_always_true(said.check):
        return
    policy = _written(context)
    if policy is None or not policy.permissive or policy.command == "select" or _CLIENTS.isdisjoint(policy.roles):
        return
    everybody = (
        "everybody who has signed up" if {"public", "anon"}.isdisjoint(policy.roles) else "everybody on the internet"
    )
    if _is_always_true(policy.using) and policy.command != "insert":
        may = {"update": "change", "delete": "delete"}.get(policy.command, "change and delete")
        what = f"{may} every row of {change.table}"
    else:
        what = f"write any row they like into {change.table}"
    condition = "((SELECT auth.uid()) = user_id)"
    clause = f"WITH CHECK {condition}" if policy.command == "insert" else f"USING {condition}"
    instead = (
        f"{clause}; where only the server is meant: TO service_role, or no policy at all, since service_role needs none"
    )
    message = f"the policy {policy.name} lets {everybody} {what}: its condition is always true"
    yield context.provided(context.finding(message, instead=instead), _stays, *_said(context))


def _policy_trusts_user_metadata(context: Context[CreatePolicy | AlterPolicy]) -> Iterator[Finding]:
    change = context.change
    said = change.policy if isinstance(change, CreatePolicy) else change
    texts = [e.text for e in (said.using, said.check) if e is not None]
    if not any("user_metadata" in text or "raw_user_meta_data" in text for text in texts):
        return
    policy = _written(context)
    if policy is None:
        return
    words = ("user_metadata", "raw_user_meta_data")
    place = next(
        (span for text, span in context.tokens(change.statement.span) if any(word in text for word in words)), None
    )
    message = f"the policy {policy.name} on {change.table} trusts user_metadata, which each user may set to anything: auth.updateUser({{ data: … }}) is all it takes"
    yield context.provided(context.finding(message, place), _stays, *_said(context))


def _policy_calls_per_row(context: Context[CreatePolicy | AlterPolicy]) -> Iterator[Finding]:
    change = context.change
    said = change.policy if isinstance(change, CreatePolicy) else change
    calls = [
        call
        for e in (said.using, said.check)
        if e is not None and e.calls
        for call in e.calls
        if call[0] in _PER_REQUEST
    ]
    if not calls:
        return
    policy = _written(context)
    if policy is None:
        return
    if not change.statement.exact:
        message = (
            f"the policy {policy.name} calls {calls[0][0]}() anew for each row of {change.table} that a query reads"
        )
        finding = context.finding(message, instead=f"(SELECT {calls[0][0]}())")
        yield context.provided(finding, _stays, *_said(context))
        return
    edits: list[Edit] = []
    for _, start in calls:
        end = _end_of_call(context, start)
        edits += [Edit(Span(start, start), context.keywords("(SELECT ")), Edit(Span(end, end), ")")]
    start = calls[0][1]
    span = Span(start, _end_of_call(context, start))
    text = context.text(span)
    wrapped = f"{context.keywords('(SELECT ')}{text})"
    message = f"the policy {policy.name} calls {text} anew for each row of {change.table} that a query reads; wrapped, it is called once a query"
    fix = Fix("wrap the calls in (SELECT …)", tuple(edits))
    yield context.provided(context.finding(message, span, instead=wrapped, fix=fix), _stays, *_said(context))


def _end_of_call(context: Context[CreatePolicy | AlterPolicy], start: int) -> int:
    """Where the call that begins at `start` has its closing parenthesis behind it."""
    depth = 0
    end = start
    for text, span in context.tokens(Span(start, context.change.statement.span.end)):
        end = span.end
        depth += (text == "(") - (text == ")")
        if text == ")" and depth == 0:
            break
    return end


def _multiple_permissive_policies(context: Context[CreatePolicy]) -> Iterator[Finding]:
    change = context.change
    policy = change.policy
    table = context.now.table(change.table)
    if table is None or not policy.permissive or table.name.schema in _SHARED:
        return
    after = context.after.table(table.name)
    others = [other for other in table.policies.values() if other is not None and _overlap(policy, other)]
    others = [other for other in others if after and after.policies.get(other.name) == other]
    if not others or _written(context) is None:
        return
    names = ", ".join(quoted(other.name) for other in others)
    command = policy.command if policy.command != "all" else others[0].command
    command = "command" if command == "all" else command.upper()
    message = f"the policies {quoted(policy.name)} and {names} of {change.table} hold for the same role and the same {command}: Postgres computes all of them for each row"
    finding = context.finding(message.replace("the same command", "every command"))
    yield context.provided(finding, _stay_both, _said(context), table.name, tuple(others))


def _stay_both(
    final: Schema,
    said: tuple[Name, str, Expression | None, Expression | None],
    name: Name,
    others: tuple[Policy, ...],
) -> bool:
    last = final.table(name)
    return _stays(final, *said) and any(last and last.policies.get(other.name) == other for other in others)


def _overlap(one: Policy, other: Policy) -> bool:
    """Whether two policies are both asked for some command of some role."""
    if not other.permissive or (one.command != other.command and "all" not in {one.command, other.command}):
        return False
    mine, its = set(one.roles) - _BYPASSING, set(other.roles) - _BYPASSING
    return bool(mine and its) and ("public" in mine | its or not mine.isdisjoint(its))


_ON = "CREATE TABLE notes (id uuid PRIMARY KEY, user_id uuid, body text);\nALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
_OWN = "(SELECT auth.uid()) = user_id"

# fmt: off
RULES = (
    Rule(
        name="policy-always-true", family="rls", severity=Severity.ERROR, on=(CreatePolicy, AlterPolicy), check=_policy_always_true, profile="supabase",
        summary="a policy that lets clients write every row",
        why="USING (true) and WITH CHECK (true) are row level security switched off for that command, under a name that says otherwise. service_role needs no such policy: it passes row level security by.",
        instead="USING ((SELECT auth.uid()) = user_id)",
        bad=(
            Example('CREATE POLICY "Service role has full access" ON notes FOR ALL USING (true) WITH CHECK (true); -- finding', before=_ON),
            Example("create policy anyone_writes on public.notes for insert to anon with check ( 1=1 ); -- finding", before=_ON),
            Example(f"CREATE POLICY edit ON notes FOR UPDATE TO authenticated USING ({_OWN}) WITH CHECK (true); -- finding", before=_ON),
            Example("CREATE POLICY tidy ON notes FOR DELETE TO authenticated USING (true); -- finding", before=_ON),
            Example("ALTER POLICY tidy ON notes USING (true); -- finding", before=f"{_ON}\nCREATE POLICY tidy ON notes FOR DELETE USING ({_OWN});"),
        ),
        good=(
            Example("CREATE POLICY read_all ON notes FOR SELECT USING (true);", before=_ON),
            Example("CREATE POLICY jobs ON notes FOR ALL TO service_role USING (true) WITH CHECK (true);", before=_ON),
            Example("CREATE POLICY locked ON notes AS RESTRICTIVE FOR UPDATE TO authenticated USING (true);", before=_ON),
            Example("CREATE POLICY nothing ON notes FOR INSERT TO authenticated;\nCREATE POLICY none_either ON notes FOR ALL TO anon;", before=_ON),
            Example("CREATE POLICY open_for_now ON notes FOR ALL USING (true);", before=_ON, after="DROP POLICY open_for_now ON notes;"),
            Example(f"CREATE POLICY own ON notes FOR ALL TO authenticated USING ({_OWN});", before=_ON),
        ),
    ),
    Rule(
        name="policy-trusts-user-metadata", family="rls", severity=Severity.ERROR, on=(CreatePolicy, AlterPolicy), check=_policy_trusts_user_metadata, profile="supabase", words=("metadata", "meta_data"),
        summary="a policy that reads user_metadata",
        why="user_metadata belongs to the user, who may write into it what he likes; a role or team found there is his own word for it. Only the server can write app_metadata.",
        instead="((SELECT auth.jwt()) -> 'app_metadata' ->> 'role') = 'admin'",
        bad=(
            Example("CREATE POLICY admins ON notes FOR ALL TO authenticated\n    USING (((SELECT auth.jwt()) -> 'user_metadata' ->> 'role') = 'admin'); -- finding", before=_ON),
            Example("CREATE POLICY admins ON notes FOR SELECT USING (\n    EXISTS (SELECT 1 FROM auth.users u WHERE u.id = (SELECT auth.uid())\n        AND u.raw_user_meta_data ->> 'role' = 'admin') -- finding\n);", before=_ON),
        ),
        good=(
            Example("CREATE POLICY admins ON notes FOR ALL TO authenticated USING (((SELECT auth.jwt()) -> 'app_metadata' ->> 'role') = 'admin');", before=_ON),
            Example("CREATE POLICY named ON notes FOR SELECT USING (body <> '');\nCOMMENT ON POLICY named ON notes IS 'user_metadata is not asked';", before=_ON),
        ),
    ),
    Rule(
        name="policy-calls-per-row", family="rls", severity=Severity.WARNING, on=(CreatePolicy, AlterPolicy), check=_policy_calls_per_row, profile="supabase",
        summary="auth.uid() and its like called for each row",
        why="Each call parses the token of the request again. In (SELECT auth.uid()) Postgres calls it once and keeps the answer: a list of 100,000 rows takes milliseconds in place of seconds. https://supabase.com/docs/guides/database/postgres/row-level-security#call-functions-with-select",
        instead="(SELECT auth.uid()) = user_id",
        bad=(
            Example("CREATE POLICY own ON notes FOR SELECT TO authenticated USING (auth.uid() = user_id); -- finding", before=_ON, fixed="CREATE POLICY own ON notes FOR SELECT TO authenticated USING ((SELECT auth.uid()) = user_id);"),
            Example(
                "create policy own on notes for update to authenticated\n    using (user_id = auth.uid()) -- finding\n    with check (user_id = auth.uid() and auth.jwt() ->> 'aal' = 'aal2');", before=_ON,
                fixed="create policy own on notes for update to authenticated\n    using (user_id = (select auth.uid()))\n    with check (user_id = (select auth.uid()) and (select auth.jwt()) ->> 'aal' = 'aal2');",
            ),
            Example("CREATE POLICY member ON notes FOR SELECT USING (\n    EXISTS (SELECT 1 FROM members m WHERE m.user_id = auth.uid() AND m.note_id = notes.id) -- finding\n);", before=f"{_ON}\nCREATE TABLE members (note_id uuid, user_id uuid);", fixed="CREATE POLICY member ON notes FOR SELECT USING (\n    EXISTS (SELECT 1 FROM members m WHERE m.user_id = (SELECT auth.uid()) AND m.note_id = notes.id)\n);"),
            Example("ALTER POLICY own ON notes USING (user_id = NULLIF(current_setting('app.user_id', true), '')::uuid); -- finding", before=f"{_ON}\nCREATE POLICY own ON notes USING (false);", fixed="ALTER POLICY own ON notes USING (user_id = NULLIF((SELECT current_setting('app.user_id', true)), '')::uuid);"),
        ),
        good=(
            Example("CREATE POLICY own ON notes FOR SELECT TO authenticated USING ((SELECT auth.uid()) = user_id);", before=_ON),
            Example("CREATE POLICY own ON notes USING (user_id = (SELECT NULLIF(current_setting('app.user_id', true), '')::uuid));\nCREATE POLICY aal ON notes AS RESTRICTIVE USING ((SELECT auth.jwt() ->> 'aal') = 'aal2');", before=_ON),
            Example("CREATE POLICY team ON notes USING (user_id IN (SELECT m.id FROM members m WHERE m.owner = (SELECT auth.uid())));", before=f"{_ON}\nCREATE TABLE members (id uuid, owner uuid);"),
            Example("CREATE POLICY own ON notes USING (auth.uid() = user_id);", before=_ON, after="ALTER POLICY own ON notes USING ((SELECT auth.uid()) = user_id);"),
            Example("CREATE POLICY own ON notes USING (auth.uid() = user_id);", before=_ON, after="DROP POLICY own ON notes;\nCREATE POLICY own ON notes USING (auth.uid() = user_id);"),
            Example("CREATE POLICY own ON notes USING (current_setting('app.' || body, true) = 'yes');", before=_ON),
            Example("CREATE TABLE drafts (id uuid PRIMARY KEY, user_id uuid DEFAULT auth.uid());"),
        ),
    ),
    Rule(
        name="multiple-permissive-policies", family="rls", severity=Severity.WARNING, on=(CreatePolicy,), check=_multiple_permissive_policies, profile="supabase",
        summary="several permissive policies for one role and command",
        why="Permissive policies are joined with OR, and each of them is computed for each row. It also hides who may see what: the most generous one decides.",
        instead="one policy with both conditions joined by OR; a policy FOR ALL counts for SELECT as well",
        bad=(
            Example(f"CREATE POLICY own ON notes FOR SELECT USING ({_OWN});\nCREATE POLICY shared ON notes FOR SELECT TO authenticated USING (body <> ''); -- finding", before=_ON),
            Example("CREATE POLICY admins ON notes FOR ALL TO authenticated USING (((SELECT auth.jwt()) -> 'app_metadata' ->> 'role') = 'admin'); -- finding", before=f"{_ON}\nCREATE POLICY own ON notes FOR UPDATE USING ({_OWN});"),
        ),
        good=(
            Example(f"CREATE POLICY see ON notes FOR SELECT USING ({_OWN});\nCREATE POLICY edit ON notes FOR UPDATE USING ({_OWN});", before=_ON),
            Example(f"CREATE POLICY own ON notes FOR SELECT TO authenticated USING ({_OWN});\nCREATE POLICY published ON notes FOR SELECT TO anon USING (body <> '');\nCREATE POLICY jobs ON notes TO service_role USING (true);", before=_ON),
            Example(f"CREATE POLICY own ON notes FOR SELECT USING ({_OWN});\nCREATE POLICY aal ON notes AS RESTRICTIVE FOR SELECT USING (body <> '');", before=_ON),
            Example("CREATE POLICY pictures ON storage.objects FOR SELECT USING (bucket_id = 'pictures');\nCREATE POLICY letters ON storage.objects FOR SELECT USING (bucket_id = 'letters');"),
            Example(f"DROP POLICY own ON notes;\nCREATE POLICY own ON notes FOR SELECT USING ({_OWN});", before=f"{_ON}\nCREATE POLICY own ON notes FOR SELECT USING (false);"),
            Example("CREATE POLICY wider ON notes FOR SELECT USING (true);", before=f"{_ON}\nCREATE POLICY own ON notes FOR SELECT USING ({_OWN});", after="DROP POLICY own ON notes;"),
        ),
    ),
)
