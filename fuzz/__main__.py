"""`python -m fuzz [TARGET ...] --seconds N [--seed N]`: 1 when something was found."""

from __future__ import annotations

import argparse
import sys

from fuzz.loop import fuzz, write
from fuzz.targets import TARGETS


def main() -> int:
    """Fuzz what is named, by default everything."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60, help="of the processor, for each target")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failed = False
    for name in options.target or TARGETS:
        outcome = fuzz(TARGETS[name](), options.seconds, options.seed)
        rate = outcome.executions / (outcome.cpu or 1)
        print(
            f"{name}: {outcome.executions} executions, {rate:.0f}/s, {outcome.cpu:.0f} CPU seconds, "
            f"{len(outcome.lines)} lines covered, {len(outcome.failures)} failures",
            flush=True,
        )
        for why, path in zip(outcome.failures, write(name, outcome), strict=True):
            print(f"  {why}: {path}", flush=True)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
