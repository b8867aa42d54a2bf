"""Strings that look as if a machine had made them up: keys and tokens of kinds that nobody has listed."""

from __future__ import annotations

import re

from elf_sqlcheck.later import later
from elf_sqlcheck.rule import Context, Example, Finding, Migration, Rule, Severity, Span, mixed_words, secrets_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Shorter ones are identifiers as often as not (nanoid has 21 characters); longer ones are data.
_SHORTEST, _LONGEST = 24, 200
_HEX = later(rb"(?:[A-Za-z]{1,12}[_-]?)?(?:[0-9a-f-]+|[0-9A-F-]+)")
#: Beginnings of what is public, no secret, or data: images, certificates, identifiers of known services, and their like.
_KNOWN = later(
    rb"""(?x) eyJ | iVBOR | /9j/ | R0lGOD | UklGR | PHN2Z | PD94b | H4sI | UEsDB | JVBERi | AAAB3Nza | AAAA[A-E]GVjZHNh | MI[IH] | d09G
    | sha(?:1|256|384|512)- | 0x | Qm[1-9A-HJ-NP-Za-km-z]{44} | baf[ky] | [0-7][0-9A-HJKMNP-TV-Z]{25}\Z | c[a-z0-9]{24}\Z
    | [a-z]{2}_test_ | (?:acct|asst|cus|evt|file|in|msg|org|pi|pk|plan|pm|price|proj|prod|req|run|sb_publishable|sess|si|sub|team|thread|user)[_-]"""
)
#: What stands before a value that is random, but no secret.
_HARMLESS_NAME = later(
    rb"(?i)(?:check_?sum|hash|sha\d*|md5|digest|e?tag|integrity|finger_?print|signature|commit|revision|nonce|uuid|salt|cursor|public_?key|publishable|anon_?key|client_?id|base64,)[^'\n]{0,8}['\"]*\Z"
)
_TELLING_NAME = later(
    rb"(?i)(?:secret|token|api_?key|private_?key|signing_?key|access_?key|credential)\w*['\"]?\s*(?:=>?|:|,)?\s*['\"]\Z"
)
#: What words are made of: where all kinds of letters stand in a word, and where only one case and digits do.
_CAMEL, _LETTERS = re.compile(rb"[A-Z]?[a-z]{2,}|[A-Z]{4,}"), re.compile(rb"[a-z]{4,}|[A-Z]{4,}")
#: Where password-literal looks.
_SETTING = later(
    rb"(?i)\A\s*(?:set|alter|create\s+(?:role|user|subscription|server))\b|set_config\s*\(|pgp_sym_|\bpassword\s+'"
)


def _random_strings(context: Context[Migration]) -> Iterator[Finding]:
    data = context.migration.data
    words = mixed_words(data)
    if not words:
        return
    known = [(start, end) for _, start, end in secrets_in(data)]
    for first, last in words:
        start, end = _value(data, first, last)
        if end - start < _SHORTEST or end - start > _LONGEST or any(a < end and start < b for a, b in known):
            continue
        line = data[data.rfind(b"\n", 0, start) + 1 : start]
        if not _is_quoted(data, start, line) or _SETTING.search(line) or b"://" in line[-120:]:
            continue
        word = data[start:end]
        telling = _TELLING_NAME.search(line[-60:]) is not None
        if not telling and _HARMLESS_NAME.search(line[-60:]):
            continue
        if (telling and _HEX.fullmatch(word) and not _is_uuid(word)) or _is_random(word):
            message = (
                f"a random string of {len(word)} characters ending in …{word[-4:].decode()} is written in this migration: "
                "if it is a key or a token, it counts as leaked, so rotate it"
            )
            yield context.finding(message, Span(start, end))


def _value(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The value within a word: what stands behind `name=`, without the signs around it."""
    word = data[start:end].rstrip(b"=./-_~+")
    return start + word.rfind(b"=") + 1, start + len(word)


def _is_quoted(data: bytes, start: int, line: bytes) -> bool:
    """Whether it stands in a literal, as far as its line tells, and not in a comment."""
    if line.lstrip().startswith((b"--", b"*", b"/*")):
        return False
    if data[start - 1 : start] == b"$":
        return data[start - 2 : start] == b"$$"  # else a hash as crypt() writes it: $2b$10$…
    return line.count(b"'") % 2 == 1


def _is_uuid(word: bytes) -> bool:
    return [len(part) for part in word.split(b"-")] == [8, 4, 4, 4, 12]


def _is_random(word: bytes) -> bool:
    """Whether the word is neither hexadecimal nor text in any form, and goes from one kind of letter to another all the time."""
    if _KNOWN.match(word) or _HEX.fullmatch(word) or b"." in word or b"-----" in word:
        return False
    letters = re.sub(rb"[^A-Za-z0-9]", b"", word)
    kinds = [0 if byte < 58 else 1 if byte < 91 else 2 for byte in letters]
    later = range(1, len(letters))
    varied = sum(kinds[at] != kinds[at - 1] for at in later)
    in_order = sum(letters[at] - letters[at - 1] == 1 for at in later)
    all_kinds = len(set(kinds)) == 3
    in_words = sum(len(run) for run in (_CAMEL if all_kinds else _LETTERS).findall(letters))
    if not all_kinds and len(letters) < len(word):
        return False  # parts of one case with digits: 2024-q1-report-v2
    return (
        len(letters) >= _SHORTEST - 4
        and len(set(letters)) >= 12
        and varied >= len(letters) * 0.28
        and in_order * 5 < len(letters)
        and in_words < len(letters) * 0.7
        and not _says_something(word)
    )


def _says_something(word: bytes) -> bool:
    """Whether it is base64 of a text."""
    from base64 import b64decode

    try:
        text = b64decode(word + b"=" * (-len(word) % 4), b"-_" if b"-" in word or b"_" in word else None)
    except ValueError:
        return False
    return sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in text) > len(text) * 0.9


# Joined from halves, so that no scanner takes this file for a leak.
_KEY = "q7Rk2XvB9mTz" + "4LpWc8HsNf3YdJ6a"
_HEX_KEY = "9f86d081884c7d65" + "9a2feaa0c55ad015"

HIGH_ENTROPY_STRING = Rule(
    name="high-entropy-string",
    family="secrets",
    severity=Severity.WARNING,
    summary="a random-looking string, as keys and tokens are",
    why="If it opens anything, Git keeps it for everyone who can clone the repository, now and later, and every environment has the same one.",
    instead="If it is a key or a token, rotate it and read the new one at run time, from Supabase Vault (vault.decrypted_secrets) or the environment; if it is not: -- elf: allow high-entropy-string -- reason",
    on=(Migration,),
    check=_random_strings,
    bad=(
        Example(f"CREATE TABLE IF NOT EXISTS clients (\n    code TEXT DEFAULT '{_KEY}' -- finding\n);"),
        Example(
            f'CREATE TABLE IF NOT EXISTS services (config JSONB);\nINSERT INTO services VALUES (\'{{"url": "/", "auth": "{_KEY}"}}\'); -- finding'
        ),
        Example(
            f"CREATE OR REPLACE FUNCTION sign() RETURNS text LANGUAGE sql AS $$\n    SELECT 'Bearer {_KEY}' -- finding\n$$;"
        ),
        Example(f"COMMENT ON SCHEMA public IS 'webhook_secret: \"{_HEX_KEY}\"'; -- finding"),
    ),
    good=(
        Example(
            "SELECT '2f1d6f5e-1c2b-4d3e-8f90-0123456789ab'::uuid, '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';"
        ),
        Example(f"COMMENT ON SCHEMA public IS 'checksum: {_KEY}';\n-- {_KEY}"),
        Example("SELECT 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4';"),
        Example(
            "SELECT 'VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVy', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';"
        ),
        Example("SELECT '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';"),
        Example(
            "SELECT 'https://cdn.example.com/a1B2c3D4e5F6g7H8i9J0kLmNoP/logo.png', '/var/lib/app2/v1Beta/someLongFileName2.txt';"
        ),
        Example(
            "CREATE TABLE IF NOT EXISTS \"createdAtV2UserProfileX1Data\" (id UUID);\nSELECT 'handleNewUserRegistrationV2Step1';"
        ),
        Example(
            "SELECT '01ARZ3NDEKTSV4RRFFQ69G5FAV', 'price_1MoBy5LkdIwHu7ixZhnattbh', 'sb_publishable_Zk3vT8qLw2NfYc7RbXh5Jd_9aPmQeUs';"
        ),
    ),
    sections=("up", "down"),
)

RULES = (HIGH_ENTROPY_STRING,)
