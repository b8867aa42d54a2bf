"""What credentials look like, and texts without them.

Rules find credentials with `secrets_in`; reports hide with it what a source line, a message or a diff would repeat,
whichever rules run.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from json import loads

from elf_sqlcheck.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_TOKEN = rb"(?<![A-Za-z0-9_-])"
#: Kind, a literal without which the pattern cannot match (looked for first: it costs next to nothing), the pattern.
#: The group `secret`, where there is one, is the part that is secret.
_SHAPES: tuple[tuple[str, str, bytes], ...] = (
    ("Supabase secret key", "sb_secret_", _TOKEN + rb"sb_secret_[A-Za-z0-9_-]{16,}"),
    ("Supabase access token", "sbp_", _TOKEN + rb"sbp_(?:[a-z0-9]+_)?[0-9a-fA-F]{32,}"),
    ("JWT", "eyJ", _TOKEN + rb"eyJ[A-Za-z0-9_-]{8,}\.(?P<claims>eyJ[A-Za-z0-9_-]{8,})\.[A-Za-z0-9_-]{8,}"),
    *(("AWS access key", mark, _TOKEN + mark.encode() + rb"[A-Z0-9]{16}(?![A-Za-z0-9])") for mark in ("AKIA", "ASIA", "ABIA", "ACCA")),
    *(
        ("AWS secret access key", mark, mark.encode() + rb"[\s\"':=>,]{1,8}(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])")
        for mark in ("secret_access_key", "SECRET_ACCESS_KEY", "SecretAccessKey")
    ),
    ("Google API key", "AIza", _TOKEN + rb"AIza[A-Za-z0-9_-]{35}"),
    ("Google OAuth client secret", "GOCSPX-", _TOKEN + rb"GOCSPX-[A-Za-z0-9_-]{20,}"),
    ("Azure storage key", "AccountKey=", rb"AccountKey=(?P<secret>[A-Za-z0-9+/]{60,}={0,2})"),
    ("Azure client secret", "Q~", rb"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])"),
    *(("GitHub token", mark, _TOKEN + mark.encode() + rb"[A-Za-z0-9]{30,}") for mark in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    ("GitHub token", "github_pat_", _TOKEN + rb"github_pat_[A-Za-z0-9_]{40,}"),
    *(("GitLab token", mark, _TOKEN + mark.encode() + rb"[A-Za-z0-9_-]{20,}") for mark in ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-")),
    ("Slack token", "xox", _TOKEN + rb"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("Slack app token", "xapp-", _TOKEN + rb"xapp-[A-Za-z0-9-]{10,}"),
    ("Slack webhook", "hooks.slack.com/", rb"hooks\.slack\.com/services/(?P<secret>T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,})"),
    ("live Stripe key", "k_live_", _TOKEN + rb"[rs]k_live_[A-Za-z0-9]{16,}"),
    ("Stripe webhook secret", "whsec_", _TOKEN + rb"whsec_[A-Za-z0-9+/]{24,}"),
    ("Anthropic key", "sk-ant-", _TOKEN + rb"sk-ant-[A-Za-z0-9_-]{24,}"),
    ("OpenAI key", "sk-", _TOKEN + rb"sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{24,}|[A-Za-z0-9]{32,})"),
    ("SendGrid key", "SG.", _TOKEN + rb"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,64}"),
    ("Twilio key", "SK", _TOKEN + rb"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("npm token", "npm_", _TOKEN + rb"npm_[A-Za-z0-9]{36}"),
    ("PyPI token", "pypi-", _TOKEN + rb"pypi-[A-Za-z0-9_-]{40,}"),
    ("private key", "PRIVATE KEY", rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)*(?:[A-Za-z-]+: [^\n\\]*(?:\\n|\s)+)*[A-Za-z0-9+/=]{24,}"),
    ("URL with a password", "://", rb"://[^\s:/?#@'\"<>]*:(?P<secret>[^\s/?#@'\"]+)@[^\s'\"]"),
)  # fmt: skip

#: Those that need no long word of mixed letters: an access key may have no digit.
_WITHOUT_RUNS = tuple(
    shape for shape in _SHAPES if shape[0] in {"AWS access key", "private key", "URL with a password"}
)
_STAND_INS = later(
    rb"(?i)example|your|placeholder|dummy|redacted|changeme|change_me|change-me|xxxx|\*\*\*|\.\.\.|<[^>]*>|\$\{|\$\(|\{\{|%[({]|%s|\[[a-z-]+\]"
)
_PASSWORD_WORDS = frozenset(
    [b"password", b"passwd", b"pass", b"pwd", b"pw", b"secret", b"postgres", b"mypassword", b"token"]
)
#: Roles whose JWT opens everything; that of `anon` is meant for browsers.
_ALL_POWERFUL = frozenset(["service_role", "supabase_admin", "postgres"])


def _is_stand_in(secret: bytes) -> bool:
    """Whether the text stands for a secret, as documentation and templates write it, and is none."""
    body = secret.rpartition(b"_")[2] if b"_" in secret[:12] else secret
    return _STAND_INS.search(secret) is not None or len(set(body.lower())) < 5


def _all_powerful_role(claims: bytes) -> str:
    """The role in the claims of a JWT (base64url JSON) when no policy holds it back, else "".

    The key that each local Supabase is started with is known to everybody, and opens nothing else.
    """
    from base64 import urlsafe_b64decode

    try:
        decoded = loads(urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))
    except ValueError:
        return ""
    role = decoded.get("role") if isinstance(decoded, dict) and decoded.get("iss") != "supabase-demo" else ""
    return role if isinstance(role, str) and role in _ALL_POWERFUL else ""


def secrets_in(data: bytes) -> Iterator[tuple[str, int, int]]:
    r"""What looks like a real credential in `data`: its kind, and where it starts and ends.

    A literal that is put together with `||` or over several lines, or spelled with escapes (E'\x73…', U&'\0073…'), is
    found as Postgres reads it.
    """
    found = [*_written(data)]
    yield from found
    joined, places = _joined(data)
    if places:
        for kind, start, end in _written(joined):
            first, last = _place(places, start), _place(places, end - 1) + 1
            if last - first != end - start:  # it goes over a place where two literals meet
                yield kind, first, last
    starts = sorted(start for _, start, _ in found)
    for match, text in _unescaped(data):
        kinds = [kind for kind, _, _ in _written(text)]
        if kinds and bisect_left(starts, match.start()) == bisect_left(starts, match.end()):
            yield kinds[0], match.start(), match.end()


#: Letters of either case, digits, and what else stands in tokens, each by its class.
_CLASSES = bytes(
    97
    if 97 <= byte <= 122
    else 65
    if 65 <= byte <= 90
    else 48
    if 48 <= byte <= 57
    else 45
    if byte in b"+-./=_~"
    else 32
    for byte in range(256)
)
_SHORTEST = 18
_DIGIT_AND_LETTER = later(rb"0[aA]")


@lru_cache(maxsize=2)  # several rules ask about one file after the other
def mixed_words(data: bytes) -> tuple[tuple[int, int], ...]:
    """Where long words stand that are no names, numbers or paths: only they can be tokens or keys.

    In names and paths a capital seldom follows a small letter, or a letter a digit; in random text that is everywhere.
    """
    flat = data.translate(_CLASSES)
    mixed = [match.start() for match in _DIGIT_AND_LETTER.finditer(flat)]
    position = flat.find(b"aA")
    while position >= 0:
        mixed.append(position)
        position = flat.find(b"aA", position + 2)
    last = -1
    found: list[tuple[int, int]] = []
    for position in sorted(mixed):
        if position >= last:
            last = flat.find(b" ", position)
            last = len(data) if last < 0 else last
            start = flat.rfind(b" ", 0, position) + 1
            if last - start >= _SHORTEST:
                found.append((start, last))
    return tuple(found)


def _written(data: bytes) -> Iterator[tuple[str, int, int]]:
    """The credentials that stand in `data` as they are."""
    long = bool(mixed_words(data))
    text = data.decode("latin-1")  # looking for a word in a str costs a quarter of what it costs in bytes
    for kind, mark, pattern in _SHAPES if long else _WITHOUT_RUNS:
        if mark not in text:
            continue
        for match in re.finditer(pattern, data):
            groups = match.groupdict()
            group = "secret" if "secret" in groups else 0
            secret = match[group]
            role = _all_powerful_role(groups["claims"]) if "claims" in groups else ""
            if "claims" in groups and not role:
                continue
            if _is_stand_in(secret) or (kind.startswith("URL") and secret.lower() in _PASSWORD_WORDS):
                continue
            yield f"{role} {kind}".strip(), match.start(group), match.end(group)


_OPENING = later(rb"\s*(?:[eE]|[uU]&)?(?:'{1,2}|\$\w*\$)")
_CLOSING = later(rb"(?:'{1,2}|\$\w*\$)(?:::\w+)?\s*\Z")
_CONTINUED = later(rb"'[ \t\r]*\n\s*'")
_FARTHEST = 60
_FAR = 1 << 62
#: Letters of a secret that is hidden in its place only, and how many at its beginning tell where it may stand.
_LONGEST_WORD = 3
_BEGINNING = _LONGEST_WORD + 1
_MOST_TEXTS = 1_000


def _meetings(data: bytes) -> Iterator[tuple[int, int]]:
    """What stands between literals that make one text: `'ab' || 'cd'`, or `'ab'`, a line end and `'cd'`."""
    position = data.find(b"||")
    while position >= 0:
        after = _OPENING.match(data, position + 2)
        before = _CLOSING.search(data[max(0, position - _FARTHEST) : position]) if after else None
        if before and after:
            yield position - len(before[0]), after.end()
        position = data.find(b"||", position + 2)
    for end in (b"'\n", b"'\r\n"):
        position = data.find(end)
        while position >= 0:
            match = _CONTINUED.match(data, position)
            if match:
                yield match.span()
            position = data.find(end, position + 2)


_ESCAPED = later(rb"(?<!\w)(?:[eE]|[uU]&)'(?:[^'\\]|''|\\.)*'", re.DOTALL)
#: A character by its code, in hexadecimal or (E'…' only) octal digits.
_IN_E = later(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3}))")
_IN_U = later(r"\\(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))")


def _joined(data: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """`data` with literals that make one text put together, and the places of its pieces: (in it, in `data`)."""
    pieces: list[bytes] = []
    places: list[tuple[int, int]] = []
    position = length = 0
    meetings = sorted(_meetings(data))
    if not meetings:
        return data, []
    for start, end in meetings:
        if start < position:
            continue
        pieces.append(data[position:start])
        places.append((length, position))
        length += start - position
        position = end
    return b"".join([*pieces, data[position:]]), [*places, (length, position)]


def _place(places: list[tuple[int, int]], position: int) -> int:
    """Where a byte of the joined text stands in the file."""
    number = bisect_right(places, (position, _FAR))
    start, original = places[number - 1] if number else (0, 0)
    return original + position - start


def _unescaped(data: bytes) -> Iterator[tuple[re.Match[bytes], bytes]]:
    """The literals that are spelled with escapes, and what they say."""
    if b"\\" not in data:
        return
    for match in _ESCAPED.finditer(data):
        text = match[0].decode("latin-1")
        plain = (_IN_U if text[0] in "uU" else _IN_E).sub(_character, text)
        if plain != text:
            yield match, plain.encode("utf-8", "surrogatepass")


def _character(escape: re.Match[str]) -> str:
    digits = escape[escape.lastindex or 0]
    return chr(min(int(digits, 8 if escape.lastindex == 4 else 16), 0x10FFFF))


def bare(literal: bytes) -> str:
    """What a literal says, without its quotes; any other text as it is."""
    text = literal.decode("utf-8", "replace")
    return text.lstrip("eE").strip("'") if text.endswith("'") else text.strip("$")


def starred(text: bytes) -> bytes:
    """Stars in place of all that is visible; as many bytes, on as many lines."""
    return bytes(42 if 32 < byte < 127 else byte for byte in text)


def without(data: bytes, secrets: Collection[bytes]) -> bytes:
    """`data` with stars in place of each of `secrets`."""
    for secret in sorted(secrets, key=len, reverse=True):
        data = data.replace(secret, starred(secret))
    return data


class Hider:
    """Puts stars in place of secrets in texts: of those in `secrets`, as one of three letters or less is also part of
    other words.
    """

    __slots__ = ("_beginnings", "_hidden", "_starry", "secrets")

    def __init__(self, secrets: Collection[str]) -> None:
        ordered = sorted((secret for secret in secrets if len(secret) > _LONGEST_WORD), key=len, reverse=True)
        #: With their places in the order in which they are hidden, long ones first.
        self.secrets = {secret: number for number, secret in enumerate(ordered)}
        #: The secrets by how they begin: a file may hold thousands, and a text of a finding hardly any.
        self._beginnings: dict[str, list[str]] = {}
        for secret in ordered:
            self._beginnings.setdefault(secret[:_BEGINNING], []).append(secret)
        self._hidden: dict[str, str] = {}
        #: These may come to be where another one has been hidden.
        self._starry = [secret for secret in ordered if "*" in secret]

    def __call__(self, text: str) -> str:
        """`text` with the stars."""
        known = self._hidden.get(text)
        if known is not None:
            return known
        said = text
        begun = self._beginnings.keys() & {text[at : at + _BEGINNING] for at in range(len(text) - _LONGEST_WORD)}
        near = {secret for beginning in begun for secret in self._beginnings[beginning]}
        for secret in sorted(near.union(self._starry), key=self.secrets.__getitem__):
            text = text.replace(secret, "*" * len(secret))
        if len(self._hidden) < _MOST_TEXTS:  # reasons come again and again
            self._hidden[said] = text
        return text


def hide(text: str, secrets: Collection[str]) -> str:
    """`text` with stars in place of each of `secrets`."""
    return Hider(secrets)(text)
