"""The targets by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.data_targets import Api, Baselines, Configuration, Squawk
from fuzz.sql_targets import Fixes, Inverse, Layouts, Reports, Sql, Suppressions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fuzz.loop import Target

TARGETS: Mapping[str, Callable[[], Target]] = {
    "layouts": Layouts,
    "suppressions": Suppressions,
    "sql": Sql,
    "inverse": Inverse,
    "fix": Fixes,
    "reports": Reports,
    "config": Configuration,
    "squawk": Squawk,
    "baseline": Baselines,
    "api": Api,
}
