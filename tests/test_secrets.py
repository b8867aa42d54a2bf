"""Credentials: every kind is found wherever it stands, none is repeated, and what only looks like one passes.

The tokens are put together when the tests run, so that no scanner takes these files for a leak.
"""

from __future__ import annotations

import json
import random
import string
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import reports
from tests.judging import found, judge, whole
from tests.lint_project import make

if TYPE_CHECKING:
    from pathlib import Path

_random = random.Random(20250121)
HEX = "0123456789abcdef"
BASE62 = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits


def body(length: int, alphabet: str = BASE62) -> str:
    return "".join(_random.choice(alphabet) for _ in range(length))


def jwt(**claims: object) -> str:
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(claims)]
    encoded = [urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, body(43)])


TOKENS = {
    "Supabase secret key": "sb_" + "secret_" + body(22) + "_" + body(8),
    "Supabase access token": "sbp" + "_" + body(40, HEX),
    "service_role JWT": jwt(iss="supabase", ref="abcdefgh", role="service_role", exp=2000000000),
    "AWS access key": "AKIA" + body(16, UPPER),
    "AWS secret access key": "aws_secret_access_key = " + body(40),
    "Google API key": "AIza" + body(35),
    "Google OAuth client secret": "GOCSPX" + "-" + body(28),
    "Azure storage key": "AccountKey" + "=" + body(86) + "==",
    "Azure client secret": "x1Z8Q" + "~" + body(34),
    "GitHub token": "ghp" + "_" + body(36),
    "GitLab token": "glpat" + "-" + body(20),
    "Slack token": "xoxb" + "-" + body(12, string.digits) + "-" + body(24),
    "Slack webhook": "https://hooks.slack.com/services/T" + body(8, UPPER) + "/B" + body(8, UPPER) + "/" + body(24),
    "live Stripe key": "sk_" + "live_" + body(24),
    "Anthropic key": "sk-" + "ant-api03-" + body(80),
    "OpenAI key": "sk-" + "proj-" + body(74),
    "SendGrid key": "SG" + "." + body(22) + "." + body(43),
    "Twilio key": "SK" + body(32, HEX),
    "npm token": "npm" + "_" + body(36),
    "PyPI token": "pypi" + "-AgEIcHlwaS5vcmc" + body(80),
    "private key": "-----BEGIN RSA PRIVATE" + " KEY-----\n" + body(64) + "\n" + body(64),
    "URL with a password": "postgresql://app:" + "Tr0ub4dor" + "@db.internal/app",
}
MORE = {
    "fine-grained GitHub token": "github_" + "pat_" + body(22) + "_" + body(59),
    "old OpenAI key": "sk-" + body(48),
    "key in one line": "-----BEGIN PRIVATE" + " KEY-----\\n" + body(64) + "\\n",
    "AWS variable": "AWS_SECRET_ACCESS_KEY=" + body(40),
    "key of an elliptic curve": "-----BEGIN EC PRIVATE" + " KEY-----\n" + body(64),
    "an old Redis URL without a user": "redis://:" + "h0rse-st4ple" + "@cache:6379/0",
    "Supabase admin": jwt(role="supabase_admin"),
}


@pytest.mark.parametrize(("kind", "token"), TOKENS.items(), ids=TOKENS)
def test_each_kind_is_named_and_never_repeated(kind: str, token: str) -> None:
    findings, _ = judge({"a.sql": whole(f"SELECT '{token}';")}, "hardcoded-secret")
    assert [kind in finding.message for finding in findings] == [True]
    shown = repr([(finding.message, finding.why, finding.instead, finding.fix) for finding in findings])
    assert not any(token[at : at + 8] in shown for at in range(len(token) - 7))


@pytest.mark.parametrize("token", MORE.values(), ids=MORE)
def test_other_forms_are_found(token: str) -> None:
    assert len(found(whole(f"SELECT $q${token}$q$;"), "hardcoded-secret")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (k text DEFAULT '{}');",
        "-- the key is {}\nSELECT 1;",
        "/* {} */ SELECT 1;",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '{}' $$;",
        "DO $do$ BEGIN PERFORM '{}'; END $do$;",
        "COMMENT ON SCHEMA public IS '{}';",
        "SELECT E'{}', 1;",
        'CREATE TABLE "{}" (a int);',
        "SELEKT '{}';",
        "INSERT INTO t VALUES ('{}');",
    ],
)
@pytest.mark.parametrize("kind", ["Supabase secret key", "service_role JWT", "GitHub token"])
def test_a_token_is_found_wherever_it_stands(text: str, kind: str) -> None:
    assert len(found(whole(text.format(TOKENS[kind])), "hardcoded-secret")) == 1
    assert len(found(whole("SELECT 1;", text.format(TOKENS[kind])), "hardcoded-secret")) == 1


def test_a_token_in_a_header_is_found() -> None:
    token = TOKENS["GitHub token"]
    content = whole("SELECT 1;").replace("A test", f"made with {token}")
    assert [line for line, _ in found(content, "hardcoded-secret")] == [3]


def test_the_place_is_the_tokens_own() -> None:
    token = TOKENS["live Stripe key"]
    findings, migrations = judge({"a.sql": whole(f"-- größer: ü\nSELECT 'ä', '{token}';")}, "hardcoded-secret")
    assert findings[0].span is not None
    assert migrations["a.sql"].text(findings[0].span) == token


def test_two_tokens_in_one_line_are_two_findings() -> None:
    line = f"SELECT '{TOKENS['npm token']}', '{TOKENS['GitLab token']}';"
    assert len(found(whole(line), "hardcoded-secret")) == 2


@pytest.mark.parametrize(
    "harmless",
    [
        jwt(iss="supabase", role="anon"),
        jwt(iss="supabase-demo", role="service_role", exp=1983812996),
        jwt(sub="1234567890", name="Jane"),
        "eyJhbGciOiJIUzI1NiJ9.eyJub3QganNvbg.c2lnbmF0dXJlIGhlcmU",
        "sb_publishable_" + body(22) + "_" + body(8),
        "AKIA" + "IOSFODNN7EXAMPLE",
        "sk_" + "live_" + "x" * 24,
        "sk_" + "test_" + body(24),
        "ghp_" + "0" * 36,
        "postgresql://user:password@localhost:5432/app",
        "postgresql://postgres:[YOUR-PASSWORD]@db.abc.supabase.co:5432/postgres",
        "postgresql://postgres:${PGPASSWORD}@db/app",
        "postgresql://postgres:{{ password }}@db/app",
        "postgresql://postgres:<password>@db/app",
        "postgres://postgres:postgres@127.0.0.1:54322/postgres",
        "https://example.com:8443/a?b=c@d",
        "https://cdn.example.com/npm/@scope/pkg@1.2.3",
        "mailto:someone@example.com",
        "-----BEGIN PUBLIC KEY-----" + body(64),
        "-----BEGIN PRIVATE KEY-----%",
        "task-" + body(40),
        "TASK" + body(32, HEX),
        "2f1d6f5e-1c2b-4d3e-8f90-0123456789ab",
        body(64, HEX),
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA" + body(80),
    ],
)
def test_what_only_looks_like_a_secret_passes(harmless: str) -> None:
    assert found(whole(f"SELECT '{harmless}';"), "hardcoded-secret", "password-literal") == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("CREATE ROLE a LOGIN PASSWORD 'hunter2';", "role a"),
        ("CREATE USER a PASSWORD 'hunter2' VALID UNTIL 'infinity';", "role a"),
        ("ALTER USER a WITH ENCRYPTED PASSWORD 'hunter2';", "role a"),
        ("ALTER ROLE a PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$aGFzaA==:aGFzaA==';", "role a"),
        ("CREATE ROLE a PASSWORD $$hunter2$$;", "role a"),
        ("SET app.jwt_secret = 'hunter2';", "app.jwt_secret"),
        ("SET LOCAL app.settings.api_key TO 'hunter2';", "app.settings.api_key"),
        ("SELECT set_config('app.password', 'hunter2', true);", "app.password"),
        ("ALTER DATABASE postgres SET \"app.settings.jwt_secret\" TO 'hunter2';", "app.settings.jwt_secret"),
        ("ALTER ROLE authenticator SET pgrst.jwt_secret = 'hunter2';", "pgrst.jwt_secret"),
        ("ALTER SYSTEM SET app.service_role_key = 'hunter2';", "app.service_role_key"),
        ("SELECT pgp_sym_encrypt('data', 'hunter2');", "pgp_sym_encrypt"),
        ("UPDATE t SET a = pgp_sym_decrypt(b, 'hunter2');", "pgp_sym_decrypt"),
        ("SELECT dblink_connect('host=db password=hunter2');", "dblink_connect"),
        ("CREATE SUBSCRIPTION s CONNECTION 'host=db password=hunter2' PUBLICATION p;", "subscription"),
        ("CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password 'hunter2');", "user mapping"),
        ("ALTER USER MAPPING FOR bob SERVER s OPTIONS (SET password 'hunter2');", "user mapping"),
    ],
)
def test_a_literal_password_is_found(statement: str, what: str) -> None:
    findings = found(whole(statement), "password-literal")
    assert [(line, what in message) for line, message in findings] == [(6, True)]
    assert "hunter2" not in repr(findings)
    assert len(found(whole("SELECT 1;", statement), "password-literal")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE a NOLOGIN;",
        "ALTER ROLE a PASSWORD NULL;",
        "CREATE ROLE a PASSWORD '${DB_PASSWORD}';",
        "CREATE ROLE a PASSWORD '<password>';",
        "CREATE ROLE a PASSWORD 'your-password';",
        "CREATE ROLE a PASSWORD 'xxxxxxxx';",
        "SET password_encryption = 'scram-sha-256';",
        "SET app.tenant = 'acme';",
        "RESET app.jwt_secret;",
        "SET app.jwt_secret TO DEFAULT;",
        "SELECT set_config('app.password', current_setting('app.other'), true);",
        "ALTER ROLE a SET statement_timeout = '3s';",
        "ALTER DATABASE postgres SET search_path TO 'public';",
        "SELECT pgp_sym_encrypt('data', current_setting('app.key'));",
        "SELECT pgp_sym_encrypt('data', secret) FROM vault.decrypted_secrets;",
        "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob');",
        "CREATE TABLE accounts (password text NOT NULL DEFAULT '', token text);",
    ],
)
def test_what_is_no_literal_password_passes(statement: str) -> None:
    assert found(whole(statement), "password-literal") == []


def test_a_url_is_reported_once() -> None:
    url = TOKENS["URL with a password"]
    statement = f"CREATE SUBSCRIPTION s CONNECTION '{url}?password=1' PUBLICATION p;"
    assert len(found(whole(statement), "secrets")) == 1


@pytest.mark.parametrize("name", reports.FORMATS)
def test_no_report_shows_a_credential_not_even_for_another_finding_on_its_line(name: str) -> None:
    token, line = TOKENS["GitHub token"], "CREATE TABLE ü (k CHAR(40) DEFAULT '{}'); ALTER ROLE a PASSWORD 'hünter22';"
    findings, migrations = judge(
        {"a.sql": whole(line.format(token))}, "hardcoded-secret", "password-literal", "char-type"
    )
    assert {finding.rule for finding in findings} == {"hardcoded-secret", "password-literal", "char-type"}
    sources = {path: migration.data for path, migration in migrations.items()}
    shown = reports.render(name, reports.Report(tuple(findings), sources, 1), reports.Style())
    assert not any(token[at : at + 8] in shown for at in range(len(token) - 7))
    assert "nter22" not in shown
    if name == "text":
        assert "CREATE TABLE ü (k CHAR(40) DEFAULT '****" in shown


SPELLED = {
    "joined": "'{0}' || '{1}'",
    "joined over lines": "'{0}'\n    || E'{1}'",
    "joined with a cast": "'{0}'::text || '{1}'",
    "continued": "'{0}'\n    '{1}'",
    "dollar quotes": "$a${0}$a$ || $$" + "{1}$$",
    "in a body": "$b$ SELECT '{0}' || '{1}' $b$",
    "in a body in quotes": "'SELECT ''{0}'' || ''{1}'''",
}


@pytest.mark.parametrize("form", SPELLED.values(), ids=SPELLED)
@pytest.mark.parametrize("kind", ["Supabase secret key", "service_role JWT", "AWS access key", "live Stripe key"])
def test_a_token_in_two_literals_is_found(form: str, kind: str) -> None:
    token = TOKENS[kind]
    findings, migrations = judge({"a.sql": whole(f"SELECT {form.format(token[:7], token[7:])};")}, "hardcoded-secret")
    assert [kind in finding.message for finding in findings] == [True]
    assert findings[0].span is not None
    text = migrations["a.sql"].text(findings[0].span)
    assert text.startswith(token[:7])
    assert text.endswith(token[-4:])


@pytest.mark.parametrize("kind", ["Supabase secret key", "GitHub token"])
@pytest.mark.parametrize("form", ["E'\\x{0:x}{1}'", "e'\\u{0:04x}{1}'", "E'\\{0:o}{1}'", "U&'\\{0:04x}{1}'"])
def test_a_token_in_escapes_is_found(kind: str, form: str) -> None:
    token = TOKENS[kind]
    escaped = form.format(ord(token[0]), token[1:])
    assert [kind in message for _, message in found(whole(f"SELECT {escaped};"), "hardcoded-secret")] == [True]


def test_what_stands_beside_a_token_is_not_part_of_it() -> None:
    assert found(whole("SELECT 'sb_' || name || 'secret_', 'a' || 'b', E'\\x41\\n', U&'\\0041';"), "secrets") == []


@pytest.mark.parametrize("role", ["service_role", "supabase_admin", "postgres"])
def test_the_role_of_a_jwt_is_named(role: str) -> None:
    token = jwt(iss="supabase", role=role)
    ((_, message),) = found(whole(f"SELECT '{token}';"), "hardcoded-secret")
    assert message.startswith(f"a {role} JWT ending in …{token[-4:]} ")
    assert "rotate" in message


@pytest.mark.parametrize(
    ("literal", "found_it"),
    [
        (f"'{body(32)}'", True),
        (f"'{body(40, BASE62 + '+/')}'", True),
        (f"""'{{"auth": "{body(32)}"}}'""", True),
        (f"'Bearer {body(40)}'", True),
        (f"'Server=db;Key={body(40)}'", True),
        (f"""'{{"webhook_secret": "{body(40, HEX)}"}}'""", True),
        (f"'{body(64, HEX)}'", False),
        (f"'{body(40, HEX).upper()}'", False),
        (f"'sha256-{body(43)}='", False),
        (f"""'{{"checksum": "{body(32)}"}}'""", False),
        (f"'data:image/png;base64,iVBORw0KGgo{body(160)}'", False),
        (f"'{body(400)}'", False),
        ("'2f1d6f5e-1c2b-4d3e-8f90-0123456789ab'", False),
        (f"'https://cdn.example.com/{body(40)}'", False),
        (f"'$2b$10${body(53)}'", False),
        (f"'user_{body(27)}'", False),
        ("'" + urlsafe_b64encode(b"The quick brown fox jumps over it").decode() + "'", False),
        ("'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'", False),
        ("'getUserByIdAndTenantV2WithOptionsV3'", False),
        ("'2024-q1-report-v2-final-version3-b4'", False),
        ("'CREATE_TABLE_V1_AND_V2_FOR_TEAM_3A'", False),
        (f'x."{body(32)}"', False),
        (f"1 -- {body(32)}", False),
    ],
)
def test_what_looks_random(literal: str, found_it: bool) -> None:
    assert bool(found(whole(f"SELECT {literal};"), "high-entropy-string")) is found_it
    assert not found(whole(f"SELECT {literal};"), "hardcoded-secret")


@pytest.mark.parametrize(
    ("alphabet", "share"),
    [(BASE62, 0.9), (BASE62 + "-_", 0.9), (BASE62 + "+/", 0.9), (string.ascii_lowercase + string.digits, 0.7)],
)
def test_most_random_strings_are_found(alphabet: str, share: float) -> None:
    literals = ",\n".join(f"    ('{body(32, alphabet)}')" for _ in range(300))
    lines = {line for line, _ in found(whole(f"INSERT INTO t VALUES\n{literals};"), "high-entropy-string")}
    assert len(lines) > 300 * share


def test_one_credential_is_one_finding() -> None:
    for token in TOKENS.values():
        assert len(found(whole(f"SELECT '{token}';"), "secrets")) == 1
    for statement in (
        f"ALTER ROLE a PASSWORD '{body(32)}';",
        f"SELECT set_config('app.api_key', '{body(32)}', false);",
    ):
        assert len(found(whole(statement), "secrets")) == 1


@pytest.mark.parametrize("name", reports.FORMATS)
def test_no_rule_that_quotes_a_default_shows_a_credential(name: str) -> None:
    token = TOKENS["Supabase secret key"]
    first, second = (f"migrations/2025010{number}_000000_a.sql" for number in (1, 2))
    files = {
        first: whole(f"CREATE TABLE keys (id uuid, k text DEFAULT '{token}');"),
        second: whole("ALTER TABLE keys ADD COLUMN IF NOT EXISTS k text;") + f"\n-- {token}\n",
    }
    findings, migrations = judge(files)
    assert any(token in finding.message for finding in findings)
    sources = {path: migration.data for path, migration in migrations.items()}
    shown = reports.render(name, reports.Report(tuple(findings), sources, 2), reports.Style())
    assert not any(token[at : at + 8] in shown for at in range(12, len(token) - 7))


def test_a_credential_whose_rule_does_not_run_is_hidden_all_the_same() -> None:
    token = TOKENS["GitHub token"]
    findings, migrations = judge({"a.sql": whole(f"CREATE TABLE t (k CHAR(40) DEFAULT '{token}');")}, "char-type")
    sources = {path: migration.data for path, migration in migrations.items()}
    shown = reports.render("text", reports.Report(tuple(findings), sources, 1), reports.Style())
    assert "k CHAR(40) DEFAULT '****" in shown


@pytest.mark.parametrize("allowed", ["", "-- elf: allow hardcoded-secret, password-literal -- a test\n"])
def test_a_diff_shows_no_credential(tmp_path: Path, allowed: str) -> None:
    project = make(tmp_path)
    token = TOKENS["GitHub token"]
    project.put("elf-sqlcheck.toml", "")
    statements = f"{allowed}SELECT '{token}';\n{allowed}ALTER ROLE a PASSWORD 'hünter22';\nCREATE TABLE t (a JSON);"
    project.put("migrations/20250121_093000_test.sql", whole(statements))
    done = project.lint("--diff", "--select", "json-type,secrets")
    assert "JSONB" in done.stdout
    assert "SELECT '****" in done.stdout
    assert not any(token[at : at + 8] in done.stdout + done.stderr for at in range(len(token) - 7))
    assert "nter22" not in done.stdout + done.stderr
    assert "stars" in done.stderr


def test_fixes_leave_credentials_alone(tmp_path: Path) -> None:
    project = make(tmp_path)
    project.put("elf-sqlcheck.toml", "")
    token = TOKENS["GitHub token"]
    path = project.put("migrations/20250121_093000_test.sql", whole(f"CREATE TABLE t (a JSON DEFAULT '\"{token}\"');"))
    project.lint("--fix", "--unsafe-fixes", "--select", "json-type,secrets")
    text = path.read_text("utf-8")
    assert "JSONB" in text
    assert token in text
