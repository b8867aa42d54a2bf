"""What is no Postgres: the rest of the file is still judged, and other databases' idioms are named."""

from __future__ import annotations

import pytest

from elf_sqlcheck.model import Applicability
from tests.judging import found, judge, whole

DUMP = """\
-- MySQL dump 10.13  Distrib 8.0.36
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
SET FOREIGN_KEY_CHECKS=0;
DROP TABLE IF EXISTS `users`;
CREATE TABLE `users` (
  `id` int unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL COMMENT 'the name',
  `at` datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  KEY `idx_name` (`name`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4;
LOCK TABLES `users` WRITE;
INSERT INTO `users` VALUES (1,'O''Neill','2024-01-01'),(2,'b',NULL);
UNLOCK TABLES;
"""


def test_a_mysql_dump_is_explained_and_never_called_a_mere_syntax_error() -> None:
    findings = found(DUMP, "portability", path="dump.sql")
    lines = {line for line, _ in findings}
    assert {3, 4, 5, 6, 7, 8, 11, 12, 14} <= lines
    assert not [message for _, message in findings if "syntax error" in message]
    text = "\n".join(message for _, message in findings)
    for word in ("FOREIGN_KEY_CHECKS", "backticks", "unsigned", "AUTO_INCREMENT", "ON UPDATE", "ENGINE", "CHARSET"):
        assert word.lower() in text.lower(), word


@pytest.mark.parametrize(
    ("statement", "word", "dialect"),
    [
        ("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY);", "AUTO_INCREMENT", "MySQL"),
        ("CREATE TABLE t (n INT UNSIGNED);", "UNSIGNED", "MySQL"),
        ("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1;", "ON DUPLICATE KEY", "MySQL"),
        ("REPLACE INTO t VALUES (1);", "REPLACE INTO", "MySQL"),
        ("ALTER TABLE t CHANGE COLUMN a b INT;", "CHANGE COLUMN", "MySQL"),
        ("ALTER TABLE t ADD COLUMN a INT AFTER b;", "AFTER b", "MySQL"),
        ("ALTER TABLE t DROP FOREIGN KEY fk;", "DROP FOREIGN KEY", "MySQL"),
        ("DROP INDEX i ON t;", "DROP INDEX i ON", "MySQL"),
        ("SELECT * FROM t LIMIT 5, 10;", "LIMIT 5, 10", "MySQL"),
        ("CREATE TABLE t (a INT, UNIQUE KEY u (a));", "UNIQUE KEY", "MySQL"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);", "AUTOINCREMENT", "SQLite"),
        ("CREATE TABLE t (a INT) WITHOUT ROWID;", "WITHOUT ROWID", "SQLite"),
        ("PRAGMA foreign_keys = ON;", "PRAGMA", "SQLite"),
        ("INSERT OR IGNORE INTO t VALUES (1);", "INSERT OR IGNORE", "SQLite"),
        ("CREATE TABLE t (id INT IDENTITY(1,1));", "IDENTITY(1,1)", "SQL Server"),
        ("SELECT TOP 5 * FROM t;", "TOP 5", "SQL Server"),
        ("CREATE TABLE [dbo].[t] (a INT);", "brackets", "SQL Server"),
        ("EXEC sp_rename 'a', 'b';", "EXEC", "SQL Server"),
        ("BEGIN TRAN;", "BEGIN TRAN", "SQL Server"),
        ("CREATE TABLE t (a VARCHAR2(50 CHAR));", "50 CHAR", "Oracle"),
        ("SELECT 1 FROM a WHERE b = 1 MINUS SELECT 2;", "MINUS", "Oracle"),
        ("CREATE SEQUENCE s START WITH 1 NOCACHE;", "NOCACHE", "Oracle"),
        ("CREATE TABLE t (a TINYINT);", "TINYINT", "MySQL"),
        ("CREATE TABLE t (a DATETIME);", "DATETIME", "MySQL"),
        ("ALTER TABLE t ADD COLUMN a MEDIUMTEXT;", "MEDIUMTEXT", "MySQL"),
        ("ALTER TABLE t ALTER COLUMN a TYPE NVARCHAR(20);", "NVARCHAR(20)", "SQL Server"),
        ("CREATE TABLE t (a NUMBER(10));", "NUMBER(10)", "Oracle"),
        ("CREATE TABLE t (a UNIQUEIDENTIFIER);", "UNIQUEIDENTIFIER", "SQL Server"),
        ("CREATE TABLE t (a DATE DEFAULT GETDATE());", "getdate()", "SQL Server"),
        ("ALTER TABLE t ADD INDEX idx_a (a);", "INDEX", "MySQL"),
    ],
)
def test_an_idiom_is_named_with_its_database_and_the_form_of_postgres(statement: str, word: str, dialect: str) -> None:
    text = whole(f"SELECT 1;\n{statement}\nSELECT 2;")
    findings, migrations = judge({"a.sql": text}, "portability")
    assert [finding.rule for finding in findings] == ["foreign-dialect"]
    finding = findings[0]
    assert word.lower() in finding.message.lower()
    assert dialect in finding.message
    assert finding.instead
    assert finding.instead != "Write Postgres' own form."
    assert finding.span is not None
    assert migrations["a.sql"].position(finding.span.start)[0] == 7
    assert len(migrations["a.sql"].up.statements) >= 2


def test_findings_in_down_are_found_too() -> None:
    lines = [
        line
        for line, _ in found(whole("SELECT 1;", "DROP TABLE `t`;\nALTER TABLE u ADD COLUMN a DATETIME;"), "portability")
    ]
    assert lines == [9, 10]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cars SET engine = 'x' WHRE id = 1;",
        "SELECT first, after, use FROM t WHERE;",
        "INSERT INTO t (unsigned, comment) VALUES ('a', 'b'",
        "CREATE TABLE t (go INT, top INT,);",
        "SELECT a[1] FROM t WHERE (;",
    ],
)
def test_words_of_other_databases_that_are_not_to_blame_are_left_alone(statement: str) -> None:
    findings, _ = judge({"a.sql": whole(statement)}, "portability")
    assert [finding.rule for finding in findings] == ["syntax-error"]


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE TABLE t (datetime TIMESTAMP, "year" INT, string TEXT, number NUMERIC);',
        "CREATE TABLE t (a mood, b public.datetime, c geometry(Point, 4326), d vector(3));",
        "CREATE TABLE t (key VARCHAR(20), index NUMERIC(10, 2));",
    ],
)
def test_postgres_itself_passes(statement: str) -> None:
    assert found(whole(statement), "portability") == []


def test_functions_and_types_that_a_migration_made_are_no_idioms() -> None:
    files = {
        "migrations/20250101_000000_a.sql": whole(
            "CREATE DOMAIN tinyint AS SMALLINT;\n"
            "CREATE FUNCTION nvl(a INT, b INT) RETURNS INT LANGUAGE sql AS 'SELECT 1';"
        ),
        "migrations/20250102_000000_b.sql": whole("CREATE TABLE t (a tinyint, b INT DEFAULT nvl(1, 2));"),
    }
    assert judge(files, "portability")[0] == []


def test_a_syntax_error_does_not_silence_the_rest() -> None:
    text = whole(
        "CREATE TABLE a (id CHAR(3));\nCREAT TABLE b (id UUID);\nCREATE TABLE c (d CHAR(3), e CHAR(4));\n"
        "SELECT FROM WHERE;\nCREATE TABLE f (g CHAR(3));"
    )
    findings = found(text, "syntax-error", "char-type")
    assert [line for line, _ in findings] == [6, 7, 8, 8, 9, 10]


def test_a_misspelt_keyword_is_guessed() -> None:
    findings, _ = judge({"a.sql": whole("ALTER TABEL t ADD COLUMN a INT;")}, "syntax-error")
    fix = findings[0].fix
    assert findings[0].instead == "perhaps TABLE for TABEL"
    assert fix is not None
    assert (fix.edits[0].text, fix.applicability) == ("TABLE", Applicability.UNSAFE)


@pytest.mark.parametrize(
    "command", [r"\connect app", r"\i other.sql", r"\set ON_ERROR_STOP on", r"\restrict abc", r"\copy t from 'x'"]
)
def test_commands_of_psql_are_named(command: str) -> None:
    findings = found(whole(f"SELECT 1;\n{command}\nSELECT 2;"), "portability")
    assert [line for line, _ in findings] == [7]
    assert command.split(maxsplit=1)[0] in findings[0][1]


def test_an_unterminated_string_is_found_where_it_begins() -> None:
    findings = found(whole("SELECT 1;\nSELECT 'never ends;\nSELECT 2;"), "syntax-error")
    assert [line for line, _ in findings] == [7]


def test_a_backslash_before_a_quote_is_explained() -> None:
    findings, _ = judge({"a.sql": whole("INSERT INTO t VALUES ('it\\'s', 'b');")}, "portability")
    assert "no escape" in findings[0].instead


def test_a_missing_semicolon_is_found_and_added() -> None:
    findings, migrations = judge({"a.sql": whole("CREATE TABLE a (b INT)\n\nDROP TABLE c;")}, "syntax-error")
    assert len(findings) == 1
    fix = findings[0].fix
    assert fix is not None
    place = fix.edits[0].span.start
    assert migrations["a.sql"].data[:place].endswith(b"(b INT)")


@pytest.mark.parametrize(
    ("statement", "version"),
    [
        ("CREATE TABLE t (id UUID DEFAULT uuidv7());", 18),
        ("SELECT pg_catalog.uuidv7();", 18),
        ("CREATE FUNCTION f() RETURNS UUID LANGUAGE sql AS $$ SELECT uuidv7() $$;", 18),
        ("DO $x$ BEGIN PERFORM uuidv7(); END $x$;", 18),
        ("CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a) VIRTUAL);", 18),
        ("CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a));", 18),
        ("ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID;", 18),
        ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT ENFORCED;", 18),
        ("CREATE TABLE t (a INT, r TSTZRANGE, PRIMARY KEY (a, r WITHOUT OVERLAPS));", 18),
        ("DELETE FROM t RETURNING old.a;", 18),
        ("SELECT * FROM json_table('[]', '$' COLUMNS (a INT));", 17),
        ("GRANT MAINTAIN ON t TO bob;", 17),
        ("GRANT SELECT, MAINTAIN ON t TO bob;", 17),
        ("ALTER TABLE t ALTER COLUMN a SET EXPRESSION AS (b);", 17),
        ("SELECT any_value(a) FROM t;", 16),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE;", 15),
        ("CREATE TABLE t (a INT, UNIQUE NULLS NOT DISTINCT (a));", 15),
        ("CREATE VIEW v WITH (security_invoker = true) AS SELECT 1;", 15),
        ("CREATE OR REPLACE TRIGGER a AFTER INSERT ON t EXECUTE FUNCTION f();", 14),
    ],
)
def test_what_is_newer_than_the_target_is_found(statement: str, version: int) -> None:
    text = whole(statement)
    below = judge({"a.sql": text}, "newer-than-target", settings={"postgres-version": version - 1})[0]
    assert [finding.rule for finding in below] == ["newer-than-target"]
    assert f"Postgres {version}" in below[0].message
    assert judge({"a.sql": text}, "newer-than-target", settings={"postgres-version": version})[0] == []


def test_the_target_is_17_unless_configured() -> None:
    assert len(found(whole("SELECT uuidv7();"), "newer-than-target")) == 1
    assert found(whole("SELECT any_value(a) FROM t;"), "newer-than-target") == []


def test_a_stand_in_of_the_same_name_is_no_built_in() -> None:
    stand_in = "CREATE FUNCTION uuidv7() RETURNS UUID LANGUAGE sql AS $$ SELECT gen_random_uuid() $$;"
    files = {
        "migrations/20250101_000000_a.sql": whole(stand_in),
        "migrations/20250102_000000_b.sql": whole("CREATE TABLE t (id UUID DEFAULT uuidv7());"),
    }
    assert judge(files, "newer-than-target")[0] == []
