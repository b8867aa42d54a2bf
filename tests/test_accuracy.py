"""What bench/accuracy.py makes of findings, without any other linter: translation, counting, tables."""

from __future__ import annotations

import os
import sys

import pytest

from elf_sqlcheck import registry
from tests import labelled

sys.path.append(os.path.dirname(os.path.dirname(labelled.FOLDER)))

from bench import accuracy
from bench.linters import LINTERS

with open(os.path.join(os.path.dirname(accuracy.__file__), "accuracy_names.toml"), encoding="utf-8") as names_file:
    NAMES = accuracy.read_names(names_file.read())
CASES = {case.name: case for case in labelled.cases()}
SAMPLES = accuracy.samples(CASES.values(), NAMES)
INDEX, DROP = "index built under a lock", "index dropped under a lock"


def number(name: str) -> int:
    return next(number for number, sample in enumerate(SAMPLES) if sample.case.name == name)


def test_every_rule_belongs_to_one_hazard() -> None:
    rules = {rule.name for rule in registry.builtin() if rule.on}
    assert set(NAMES.hazards) == rules
    assert "" not in NAMES.families.values()


def test_every_linter_has_names() -> None:
    assert set(NAMES.means) == {accuracy.OURS, *(linter.name for linter in LINTERS)}


def test_a_hazard_that_is_not_defined_is_an_error() -> None:
    with pytest.raises(KeyError, match="no such thing"):
        accuracy.read_names('[hazards]\n"a" = ["table-name"]\n[squawk]\nx = ["~no such thing"]\n')


def test_a_part_of_a_hazard_is_no_claim() -> None:
    names = accuracy.read_names('[hazards]\n"a" = ["table-name"]\n"b" = ["column-name"]\n[squawk]\nx = ["a", "~b"]\n')
    assert names.claims["squawk"] == {"a"}
    assert names.means["squawk"]["x"] == {"a", "b"}


def test_what_is_found_is_right_wrong_or_an_opinion() -> None:
    means = {"index": frozenset({INDEX}), "drop": frozenset({DROP}), "both": frozenset({INDEX, DROP})}
    found = {
        (number("locking/index_plain"), "index"),
        (number("locking/index_plain"), "both"),
        (number("locking/index_plain"), "drop"),
        (number("locking/safe_index_concurrently"), "both"),
        (number("locking/safe_index_concurrently"), "taste"),
    }
    score = accuracy.score(found, SAMPLES, means, NAMES)
    assert dict(score.found) == {INDEX: 1}
    assert dict(score.false_alarms) == {DROP: 1, INDEX: 1}
    assert (score.alarmed, score.opinions) == (1, 1)


def test_labels_of_other_families_are_no_false_alarms() -> None:
    restricted = number("access/to_public")
    assert SAMPLES[restricted].families == {"access"}
    score = accuracy.score({(restricted, "index")}, SAMPLES, {"index": frozenset({INDEX})}, NAMES)
    assert not score.false_alarms


def test_others_are_not_asked_about_what_only_we_can_read() -> None:
    assert not any("elf: allow" in sample.file.text or "table-sizes" in sample.case.config for sample in SAMPLES)


def test_a_unit_is_an_up_section_with_or_without_what_came_before() -> None:
    place = number("locking/safe_check_in_two_steps") + 1
    alone = accuracy.units(SAMPLES, history=False)[place]
    assert alone.text.strip() == "ALTER TABLE products VALIDATE CONSTRAINT check_products_price;"
    assert alone.content(wrap=False) == alone.text
    assert alone.content(wrap=True).startswith("BEGIN; ALTER TABLE products VALIDATE")
    assert alone.first_line == 1
    whole = accuracy.units(SAMPLES, history=True)[place]
    lines = whole.content(wrap=True).split("\n")
    assert lines[whole.first_line - 1].startswith("BEGIN; ALTER TABLE products VALIDATE")
    assert "CREATE TABLE IF NOT EXISTS products (" in lines
    assert any("check_products_price CHECK" in line for line in lines)
    begun = accuracy.units(SAMPLES, history=False)[number("transactions/safe_begin_around_all")]
    assert not begun.transactional


def test_the_tables_show_claims_and_false_alarms() -> None:
    found = {(number("locking/index_plain"), "require-concurrent-index-creation")}
    found |= {(number("locking/safe_index_concurrently"), "require-concurrent-index-creation")}
    scores = {"squawk": accuracy.score(found, SAMPLES, NAMES.means["squawk"], NAMES)}
    shown = accuracy.report(scores, SAMPLES, NAMES, {"squawk": "2.70.0", "pgrubic": "is not installed"})
    row = next(line for line in shown.split("\n") if line.startswith(INDEX))
    marked = sum(INDEX in sample.hazards for sample in SAMPLES)
    assert row.split()[-2:] == [f"1/{marked}", "+1"]
    assert "pgrubic is not installed" in shown
    assert next(line for line in shown.split("\n") if line.startswith("secret in the text")).split()[4:] == []
