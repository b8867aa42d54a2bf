"""Everything that can go wrong, as one tree.

ElfError                      says what was tried, what happened and what to do; carries the exit code
├── UsageError                exit 2: a path, an option or an answer that cannot be used
│   ├── ConfigError           a configuration file that does not say what it must
│   └── RuleError             a rule that cannot be loaded or broke while it ran
├── PlanError                 exit 1: versions or dependencies that allow no order
├── DatabaseError             exit 1: the server refused, failed or went away
│   ├── ConnectionFailed      exit 2: no connection (never shows the password)
│   ├── MigrationFailed       a statement failed: carries the statement's place and Postgres' own words
│   └── LockNotObtained       exit 4: another deployer holds the lock
├── ApiFailed                 exit 2: the API of Supabase or GitHub gave no usable answer (never shows the token)
├── CredentialError           exit 2: a credential, or the vault of them, that cannot be had (never shows a value)
│   ├── AccessDenied          the team that asks may not have it
│   ├── CredentialExpired     its time is over
│   ├── VaultLocked           the master password is missing or wrong
│   ├── VaultDamaged          the file is not what was written: cut, changed, or older than it was
│   ├── VaultTooNew           a newer version of this program wrote it
│   ├── VaultUnsafe           other accounts of the machine may open it
│   └── VaultBusy             exit 4: another process does not stop writing it
└── ServerError               exit 2: no throw-away Postgres can be found or started
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.model import Span


class ElfError(Exception):
    """Base of all errors that are shown to the user as one sentence and a remedy.

    `remedy` is what to do about it, `exit_code` what the command ends with.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(ElfError):
    """A path, an option or an answer that cannot be used."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file that does not say what it must."""


class CacheError(ElfError):
    """Something that was kept is not what was written; whoever meets it goes on as if it had never been kept."""


class RuleError(UsageError):
    """A rule that cannot be loaded, or that broke while it ran: a safety tool never fails open."""


class PlanError(ElfError):
    """Versions or dependencies that allow no order."""


class DatabaseError(ElfError):
    """The server refused, failed or went away."""


class ConnectionFailed(DatabaseError):
    """No connection could be made. The message never holds a password.

    `kind` says in a word why, where that is known: see `elf_sqlcheck.shared.refusals`.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "", *, kind: str = "") -> None:
        super().__init__(message, remedy)
        self.kind = kind


class MigrationFailed(DatabaseError):
    """A statement of a migration failed.

    `span` is the byte range of the statement in the migration's file (None when unknown), `sqlstate` the five
    characters of Postgres, `detail` its own message, `completed` how many statements outside a transaction had
    already been carried out, `table` (its schema and name) and `column` what Postgres says the error is about,
    `unknown` that the connection was lost and nobody knows whether it was carried out after all.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        span: Span | None = None,
        sqlstate: str = "",
        detail: str = "",
        completed: int = 0,
        table: tuple[str, str] = ("", ""),
        column: str = "",
        unknown: bool = False,
    ) -> None:
        super().__init__(message, remedy)
        self.span = span
        self.sqlstate = sqlstate
        self.detail = detail
        self.completed = completed
        self.table = table
        self.column = column
        self.unknown = unknown


class LockNotObtained(DatabaseError):
    """Another deployer holds the lock."""

    exit_code = 4


class ApiFailed(ElfError):
    """The API of Supabase or of GitHub gave no usable answer. The message never holds the access token."""

    exit_code = 2


class CredentialError(ElfError):
    """A credential, or the vault of them, cannot be had. No message ever holds a value or a password."""

    exit_code = 2


class AccessDenied(CredentialError):
    """The team on whose behalf a credential is asked for may not have it."""


class CredentialExpired(CredentialError):
    """The credential was given an end, and that has passed."""


class VaultLocked(CredentialError):
    """The master password of the vault is missing, or is another one."""


class VaultDamaged(CredentialError):
    """The vault's file is not what was last written."""


class VaultTooNew(CredentialError):
    """The vault has a format that this version does not know."""


class VaultUnsafe(CredentialError):
    """Other accounts of the machine may open the vault, or put another file in its place."""


class VaultBusy(CredentialError):
    """Another process has held the lock of the vault for too long."""

    exit_code = 4


class ServerError(ElfError):
    """No throw-away Postgres can be found or started."""

    exit_code = 2


def closest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known word that `word` was most likely meant to be, "" for none; `likeness` is between 0 and 1."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, sorted(known), 1, likeness)), "")


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy for a name that nobody knows: the known one that looks most like it, else all of them."""
    names = sorted(known)
    close = closest(word, names)
    if close:
        return f"did you mean {close!r}?"
    return f"known are {', '.join(names)}" if len(names) <= 20 else "`elf-sqlcheck rules` lists all that are known"
