"""The worst of findings, baselines, configuration, many files: cases of `bench/worst.py`."""

from __future__ import annotations

import json

from bench.worst_cases.case import DOWN, UP, Case, Input, sql


def findings(count: int, *options: str) -> Input:
    """Something to find in every statement, and something to fix in most."""
    made = [f"CREATE INDEX i{n} ON orders (c{n})" for n in range(count)]
    return sql(made, *options)


def findings_in_one(count: int, *options: str) -> Input:
    columns = ",\n".join(f"    c{n} varchar(20) NOT NULL" for n in range(count))
    return sql([f"CREATE TABLE t (\n    id serial,\n{columns}\n)"], *options)


def as_sarif(count: int) -> Input:
    return findings(count, "--output-format", "sarif")


def as_rdjson(count: int) -> Input:
    return findings(count, "--output-format", "rdjson")


def as_json(count: int) -> Input:
    return findings(count, "--output-format", "json")


def as_html(count: int) -> Input:
    return findings(count, "--output-format", "html")


def as_markdown(count: int) -> Input:
    return findings(count, "--output-format", "markdown")


def as_gitlab(count: int) -> Input:
    return findings(count, "--output-format", "gitlab")


def as_text(count: int) -> Input:
    return findings(count, "--output-format", "text")


def as_junit(count: int) -> Input:
    return findings(count, "--output-format", "junit")


def one_line_text(count: int) -> Input:
    return Input(
        "; ".join(f"CREATE INDEX i{n} ON orders (c{n})" for n in range(count)), options=("--output-format", "text")
    )


def one_line_sarif(count: int) -> Input:
    return Input(
        "; ".join(f"CREATE INDEX i{n} ON orders (c{n})" for n in range(count)), options=("--output-format", "sarif")
    )


def fixed(count: int) -> Input:
    return findings(count, "--diff")


def secrets(count: int) -> Input:
    """A password in every statement."""
    return sql(f"CREATE ROLE r{n} LOGIN PASSWORD 'Sw0rdfish-{n}-xYz'" for n in range(count))


def secret_urls(count: int) -> Input:
    return sql(
        f"INSERT INTO t VALUES ('postgres://user:Sw0rdfish{n}@db.example.org/x' || 'more')" for n in range(count)
    )


def near_secrets(count: int) -> Input:
    """What begins as a credential and is none, on one line."""
    words = "://a:b eyJ sk-aB0 xoxb-1 AKIA -----BEGIN RSA PRIVATE aB0"
    return sql([f"SELECT '{words * count}'"])


def key_openings(count: int) -> Input:
    """The words of a private key's first line without end."""
    return sql(["SELECT '-----BEGIN " + "RSA " * count + "' || 'PRIVATE KEY aB0'"])


def baseline(count: int) -> Input:
    listed = [{"path": "worst.sql", "rule": "made-up", "statement": f"{n:016x}", "count": 1} for n in range(count)]
    known = json.dumps({"version": 1, "findings": listed})
    made = findings(max(1, count // 100), "--baseline", "known.json")
    return made._replace(files={"known.json": known})


def baseline_used(count: int) -> Input:
    """A baseline that knows none of so many findings."""
    return findings(count, "--baseline", "known.json")._replace(files={"known.json": '{"version": 1, "findings": []}'})


def table_sizes(count: int) -> Input:
    sizes = "".join(f'"public.t{n}" = {n * 1000}\n' for n in range(count))
    changed = [f"ALTER TABLE t{n} ADD COLUMN c int NOT NULL" for n in range(max(1, count // 100))]
    return sql(changed)._replace(files={"elf-sqlcheck.toml": f"[table-sizes]\n{sizes}"})


def many_files(count: int) -> Input:
    text = f"{UP}CREATE TABLE {{0}} (id bigint);\n{DOWN}DROP TABLE {{0}};\n"
    files = {f"m/2025{n // 1_000_000:04}_{n % 1_000_000:06}_add.sql": text.format(f"t{n}") for n in range(count)}
    return Input("", files=files, paths=("m",))


def named_files(count: int) -> Input:
    """Each named on the command line, as pre-commit does."""
    made = many_files(count)
    return made._replace(paths=tuple(made.files))


CASES = (
    Case("findings", findings, 5_000),
    Case("findings in one", findings_in_one, 1_600),
    Case("as sarif", as_sarif, 5_000),
    Case("as rdjson", as_rdjson, 5_000),
    Case("as json", as_json, 5_000),
    Case("as html", as_html, 5_000),
    Case("as markdown", as_markdown, 5_000),
    Case("as gitlab", as_gitlab, 5_000),
    Case("as text", as_text, 5_000),
    Case("as junit", as_junit, 5_000),
    Case("one line text", one_line_text, 5_000),
    Case("one line sarif", one_line_sarif, 5_000),
    Case("fixed", fixed, 5_000),
    Case("secrets", secrets, 5_000),
    Case("secret urls", secret_urls, 5_000),
    Case("near secrets", near_secrets, 10_000),
    Case("key openings", key_openings, 20_000),
    Case("baseline", baseline, 100_000),
    Case("baseline used", baseline_used, 5_000),
    Case("table sizes", table_sizes, 10_000),
    Case("many files", many_files, 5_000),
    Case("named files", named_files, 5_000),
)
