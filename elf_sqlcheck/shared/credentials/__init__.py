"""Where the passwords come from: a mapping that is given, the vault, or the environment of the process.

`CredentialManager` is what other programs ask. The vault is one encrypted file (`vault.py`, its format in `sealed.py`,
what is in it in `contents.py`) with its audit log beside it (`audit.py`). Nothing of cryptography or keyring is loaded
before a vault is really opened.
"""

from elf_sqlcheck.shared.credentials.lookup import CredentialManager, Found, closed_vault

__all__ = ["CredentialManager", "Found", "closed_vault"]
