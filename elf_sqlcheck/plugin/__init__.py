"""A plug-in for sqlfluff: who runs `sqlfluff lint` sees what `elf-sqlcheck lint` finds in migrations.

Errors come as the rule elf.error, warnings as elf.warning, which sqlfluff shows and lets pass unless its configuration
says otherwise. https://docs.sqlfluff.com/en/stable/guides/contributing/plugins.html
"""

from __future__ import annotations

import pluggy
from sqlfluff.core.plugin import hookimpl, plugin_base_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sqlfluff.core.rules import BaseRule


@hookimpl
def get_rules() -> list[type[BaseRule]]:
    """Our rules; loaded late, as sqlfluff asks for it."""
    from elf_sqlcheck.plugin.rules import Rule_EL01, Rule_EL02

    return [Rule_EL01, Rule_EL02]


@pluggy.HookimplMarker(plugin_base_name)(trylast=True)  # the last wins, and sqlfluff's default is no warning at all
def load_default_config() -> dict[str, Any]:
    """Let our warnings be warnings."""
    return {"core": {"warnings": "elf.warning"}}


@hookimpl
def get_configs_info() -> dict[str, Any]:
    """Nothing: our rules are configured where `elf-sqlcheck lint` is."""
    return {}
