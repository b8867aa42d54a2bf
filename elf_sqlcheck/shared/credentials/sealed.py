"""The envelope of the vault: JSON around a text that AES-256-GCM encrypts under a key from the master password.

    {"format": "elf-sqlcheck credentials", "version": 1, "generation": 7,
     "kdf": {"name": "argon2id", "salt": …, "memory_kib": 65536, "iterations": 3, "lanes": 4},
     "check": …, "nonce": …, "ciphertext": …, "digest": …}

Bytes are base64. All but the ciphertext and the digest is authenticated with the text, as associated data. `check` is
derived from the key and tells a wrong password from a changed file; `digest` (SHA-256 of all the rest) tells a damaged
file from both, without any password. `generation` grows by one with each writing.

The default costs are the second recommendation of RFC 9106 (https://www.rfc-editor.org/rfc/rfc9106#section-4), above
the least that OWASP asks for; where OpenSSL is too old for Argon2id, scrypt takes its place with OWASP's costs
(https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from elf_sqlcheck.errors import CredentialError, VaultDamaged, VaultLocked, VaultTooNew

FORMAT = "elf-sqlcheck credentials"
VERSION = 1
#: Names of costs with their defaults and the most that is believed: a changed file must not take all memory.
_COSTS = {
    "argon2id": {"memory_kib": (65536, 1 << 20), "iterations": (3, 64), "lanes": (4, 64)},
    "scrypt": {"n": (1 << 17, 1 << 20), "r": (8, 32), "p": (1, 16)},
}


@dataclass(frozen=True)
class Derivation:
    """How the key comes from the password: the function, its salt, and its costs in the order of `_COSTS`."""

    name: str
    salt: bytes
    costs: tuple[int, ...]

    @classmethod
    def new(cls, name: str = "", costs: tuple[int, ...] = ()) -> Derivation:
        """One with a fresh salt: the best that this machine has, unless `name` says which."""
        chosen = name or ("argon2id" if _has_argon2id() else "scrypt")
        return cls(chosen, os.urandom(16), costs or tuple(default for default, _ in _COSTS[chosen].values()))

    def as_json(self) -> dict[str, Any]:
        """As the envelope has it."""
        return {"name": self.name, "salt": _text(self.salt), **dict(zip(_COSTS[self.name], self.costs, strict=True))}


@dataclass(frozen=True)
class Key:
    """The derived key with the derivation it came from; it stands for the password from then on."""

    derivation: Derivation
    secret: bytes = field(repr=False)

    @property
    def check(self) -> bytes:
        """What a file of this key shows of it, from which the key cannot be had."""
        return self._expanded(b"check")

    @property
    def cipher(self) -> bytes:
        """The key of the cipher."""
        return self._expanded(b"cipher")

    def _expanded(self, purpose: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

        return HKDFExpand(SHA256(), 32, FORMAT.encode() + b": " + purpose).derive(self.secret)


@dataclass(frozen=True)
class Envelope:
    """A file that is whole, as far as can be told without the password."""

    header: dict[str, Any]
    derivation: Derivation
    check: bytes
    nonce: bytes
    ciphertext: bytes

    @property
    def generation(self) -> int:
        """How often the vault has been written."""
        return int(self.header["generation"])


@lru_cache(maxsize=8)
def derive(password: str, derivation: Derivation) -> Key:
    """Derive the key, which takes a third of a second on purpose; the same one is derived once in a process.

    Raises:
        CredentialError: This machine's OpenSSL cannot, or `cryptography` is not installed.
    """
    require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    # The same letters can be typed in more than one way: https://www.unicode.org/reports/tr15/
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "surrogateescape")
    try:
        if derivation.name == "argon2id":
            memory, iterations, lanes = derivation.costs
            argon2id = Argon2id(salt=derivation.salt, length=32, iterations=iterations, lanes=lanes, memory_cost=memory)
            return Key(derivation, argon2id.derive(typed))
        n, r, p = derivation.costs
        return Key(derivation, Scrypt(salt=derivation.salt, length=32, n=n, r=r, p=p).derive(typed))
    except UnsupportedAlgorithm:
        raise CredentialError(
            f"The vault's key is made with {derivation.name}, which the OpenSSL of this machine does not know.",
            "Install the wheel of cryptography, which brings its own: pip install --only-binary :all: cryptography",
        ) from None
    except MemoryError:
        raise CredentialError(
            f"There is not enough memory to derive the vault's key with {derivation.name}.",
            "Free some memory, and run it again.",
        ) from None


def seal(text: bytes, key: Key, generation: int) -> bytes:
    """The file: `text` encrypted and put in its envelope."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "generation": generation,
        "kdf": key.derivation.as_json(),
        "check": _text(key.check),
        "nonce": _text(nonce),
    }
    whole = {**header, "ciphertext": _text(AESGCM(key.cipher).encrypt(nonce, text, _canonical(header)))}
    return json.dumps({**whole, "digest": _digest(whole)}, indent=1).encode() + b"\n"


def read_envelope(path: str, data: bytes) -> Envelope:
    """Take the file apart; `path` is for messages.

    Raises:
        VaultDamaged: It was cut or changed, or is something else altogether.
        VaultTooNew: A later version wrote it.
    """
    try:
        whole = json.loads(data)
        digest = whole.pop("digest", None)
        known, version = whole["format"] == FORMAT, whole["version"]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise damaged(path, "it is cut off, or is no vault at all") from None
    if not known or type(version) is not int:
        raise damaged(path, "it is no vault of elf-migrate")
    # A format to come may do without the digest, but not change what it covers.
    if version <= VERSION if digest is None else digest != _digest(whole):
        raise damaged(path, "its content is not what was written")
    if version != VERSION:
        raise VaultTooNew(
            f"{path} has format {version} of the vault, and this version reads format {VERSION} only.",
            "Update it: pip install --upgrade 'elf-sqlcheck[vault]'",
        )
    try:
        costs = _COSTS[whole["kdf"]["name"]]
        derivation = Derivation(
            whole["kdf"]["name"], _bytes(whole["kdf"]["salt"]), tuple(int(whole["kdf"][name]) for name in costs)
        )
        bounded = all(0 < value <= most for value, (_, most) in zip(derivation.costs, costs.values(), strict=True))
        if not bounded or type(whole["generation"]) is not int or len(_bytes(whole["nonce"])) != 12:
            raise ValueError
        header = {name: value for name, value in whole.items() if name != "ciphertext"}
        return Envelope(header, derivation, _bytes(whole["check"]), _bytes(whole["nonce"]), _bytes(whole["ciphertext"]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise damaged(path, "its header is not what was written") from None


def unseal(path: str, envelope: Envelope, password: str) -> tuple[bytes, Key]:
    """Decrypt the text, and return it with the key.

    Raises:
        VaultLocked: The password is another one.
        VaultDamaged: The password is right, but the file was changed.
    """
    try:
        key = derive(password, envelope.derivation)
    except ValueError:
        raise damaged(path, "its header is not what was written") from None
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not hmac.compare_digest(key.check, envelope.check):
        raise VaultLocked(
            f"The master password does not open {path}: it is another one. The file itself is sound.",
            "Correct ELF_MASTER_PASSWORD. Nobody can recover a lost password: remove the file and set the values anew.",
        )
    try:
        return AESGCM(key.cipher).decrypt(envelope.nonce, envelope.ciphertext, _canonical(envelope.header)), key
    except InvalidTag:
        raise damaged(
            path, "somebody changed it: the password is right, but the content does not belong to it"
        ) from None


def damaged(path: str, how: str) -> VaultDamaged:
    """The error for a file that cannot be used, whatever the password."""
    return VaultDamaged(
        f"{path} is damaged: {how}. The master password has nothing to do with it.",
        "Restore the file from a backup; without one, remove it and set the values anew.",
    )


def require_cryptography() -> None:
    """Make sure that the library can be loaded: most commands do without. Raises CredentialError."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise CredentialError(
            f"The vault cannot be opened: {error}.", "`pip install 'elf-sqlcheck[vault]'` brings what is missing."
        ) from None


def _has_argon2id() -> bool:
    require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id(salt=bytes(16), length=32, iterations=1, lanes=1, memory_cost=8)
    except UnsupportedAlgorithm:
        return False
    return True


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(whole: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(whole)).hexdigest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError from error
