"""The targets by name, and where each is: a process loads only its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGETS: Mapping[str, str] = {
    "layouts": "fuzz.sql_targets:Layouts",
    "suppressions": "fuzz.sql_targets:Suppressions",
    "sql": "fuzz.sql_targets:Sql",
    "inverse": "fuzz.sql_targets:Inverse",
    "fix": "fuzz.sql_targets:Fixes",
    "reports": "fuzz.sql_targets:Reports",
    "warm": "fuzz.kept_targets:Warm",
    "cache": "fuzz.kept_targets:Cache",
    "values": "fuzz.kept_targets:Values",
    "config": "fuzz.data_targets:Configuration",
    "squawk": "fuzz.data_targets:Squawk",
    "baseline": "fuzz.data_targets:Baselines",
    "api": "fuzz.data_targets:Api",
}
