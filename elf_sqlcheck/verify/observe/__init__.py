"""What each statement of UP does to the tables that are there: locks, rewrites, scans, how long, how much WAL.

A statement that can run in a transaction is rehearsed in one that is rolled back. One that cannot is watched from a
second session while the migration runs.
"""

from __future__ import annotations

from elf_sqlcheck.verify.observe.observation import Observation

__all__ = ["Observation"]
