"""Comments that silence a rule: each must name a rule that exists, be needed, and give its reason.

The engine finds these while it applies suppressions; the rules here say what they are called and why they matter.
"""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Migration, Rule, Severity, found_elsewhere

_TABLE = "CREATE TABLE IF NOT EXISTS events (id UUID DEFAULT gen_random_uuid() PRIMARY KEY, payload {type}, created_at TIMESTAMP DEFAULT now());"


UNKNOWN_SUPPRESSION = Rule(
    name="unknown-suppression",
    family="suppressions",
    severity=Severity.ERROR,
    summary="a suppression that names no rule",
    why="It silences nothing: whoever wrote it believes that the statement was looked at and allowed.",
    instead="Write the rule's name as the finding shows it in brackets; `elf-sqlcheck rules` lists them all.",
    on=(Migration,),
    check=found_elsewhere,
    bad=(
        Example("-- elf: allow jason-type -- kept as it was signed -- finding\nSELECT 1;"),
        Example("-- elf: allow-file no-such-rule -- because -- finding\nSELECT 1;"),
    ),
    good=(
        Example("-- elf: allow json-type -- kept as it was signed\n" + _TABLE.format(type="JSON")),
        Example("-- the elf said: allow anything\nSELECT 1;"),
    ),
)

UNUSED_SUPPRESSION = Rule(
    name="unused-suppression",
    family="suppressions",
    severity=Severity.ERROR,
    summary="a suppression of a rule that finds nothing there",
    why="It waits for the next mistake at that place and hides it from everyone.",
    instead="Delete it.",
    on=(Migration,),
    check=found_elsewhere,
    bad=(
        Example("-- elf: allow json-type -- kept as it was signed -- finding\n" + _TABLE.format(type="JSONB")),
        Example("-- elf: allow-file char-type -- codes of fixed length -- finding\nSELECT 1;"),
    ),
    good=(Example("-- elf: allow json-type -- kept as it was signed\n" + _TABLE.format(type="JSON")),),
)

SUPPRESSION_WITHOUT_REASON = Rule(
    name="suppression-without-reason",
    family="suppressions",
    severity=Severity.ERROR,
    summary="a suppression that does not say why",
    why="The reviewer cannot tell a considered exception from a silenced alarm, nor can anyone a year later.",
    instead="-- elf: allow json-type -- the payload is kept byte for byte as it was signed",
    on=(Migration,),
    check=found_elsewhere,
    bad=(Example("-- elf: allow json-type -- finding\n" + _TABLE.format(type="JSON")),),
    good=(Example("-- elf: allow json-type -- kept as it was signed\n" + _TABLE.format(type="JSON")),),
)

RULES = (UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION, SUPPRESSION_WITHOUT_REASON)
