"""Tries every fault at every point, and prints how many were survived: `python -m tests.faults` (`make faults`)."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import sys
from typing import TYPE_CHECKING, Any

from tests.faults import all_kinds
from tests.faults.trying import chosen, work

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from tests.faults.trying import Result


def _next(results: Queue[Result], workers: list[Any]) -> Result:
    """The next result; ends the run when a worker has died."""
    while True:
        try:
            return results.get(timeout=1)
        except queue.Empty:
            if any(worker.exitcode for worker in workers):
                sys.exit("a worker broke down: see above")


def main() -> int:
    """Try, print, and return how it ended: 0 when all was survived.

    A deployer counts as disturbed that did not get to the end; one can be enough for a trial, or many.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth point (1)")
    parser.add_argument("--only", default="", metavar="WORDS", help="only kinds whose names hold this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="trials at once")
    parser.add_argument("--verbose", action="store_true", help="show every point that was not survived")
    arguments = parser.parse_args()
    total = survived = 0
    print(f"{'fault':50} {'tried':>6} {'disturbed':>9} {'survived':>9} {'seconds':>8}")
    # Each worker begins as a process of its own: a fork would share the threads of the proxies.
    context = multiprocessing.get_context("spawn")
    results: Queue[Result] = context.Queue()
    workers = [
        context.Process(target=work, args=(results, arguments.only, arguments.every, part, arguments.jobs))
        for part in range(arguments.jobs)
    ]
    for worker in workers:
        worker.start()
    early: list[Result] = []
    for kind in chosen(arguments.only):
        while sum(result.name == kind.name for result in early) < arguments.jobs:
            early.append(_next(results, workers))
        own = [result for result in early if result.name == kind.name]
        count = sum(result.tried for result in own)
        wrong = sorted(entry for result in own for entry in result.wrong)
        total, survived = total + count, survived + count - len(wrong)
        seconds = max(result.seconds for result in own)
        disturbed = sum(result.disturbed for result in own)
        print(f"{kind.name:50} {count:>6} {disturbed:>9} {count - len(wrong):>9} {seconds:>8.0f}", flush=True)
        for point, told in wrong if arguments.verbose else wrong[:3]:
            print(f"    at {point}: {'; '.join(one[-400:] for one in told[:3])}")
    for kind in all_kinds():
        if kind.missing():
            print(f"{kind.name:50} not tried: {kind.missing()}")
    print(f"{'all':50} {total:>6} {'':>9} {survived:>9}")
    for worker in workers:
        worker.join()
    return int(survived < total)


if __name__ == "__main__":
    sys.exit(main())
