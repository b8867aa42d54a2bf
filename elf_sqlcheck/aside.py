"""Work that goes on beside other work: what waits for Git need not keep the rest waiting."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


def aside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin `work` in a thread. What is returned waits for its end, and returns or raises what it did, each time.

    The process does not wait for it in the end. The module `threading` would do all this and more, and takes as long
    to load as Git to answer.
    """
    done = _thread.allocate_lock()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            errors.append(error)
        finally:
            done.release()

    def result() -> T:
        with done:
            pass
        if errors:
            raise errors[0]
        return results[0]

    done.acquire()
    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:  # no more threads are to be had
        run()
    return result
