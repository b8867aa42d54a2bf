"""What was done to a database, and how each migration stands there: three tables, and the way in which they are kept.

`schema_migrations` says how each migration stands now; `migration_history` what was ever done, each event chained to
the one before by a hash; `migration_texts` what the files said. They live in `public`, because people query them by
their bare names, with row level security on and nothing granted to the roles of the API.
"""

from elf_sqlcheck.migrate.history.chain import Checked
from elf_sqlcheck.migrate.history.history import History
from elf_sqlcheck.migrate.history.state import Progress, State, by_hand

__all__ = ["Checked", "History", "Progress", "State", "by_hand"]
