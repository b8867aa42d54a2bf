"""Work beside other work: its result, its errors, and where no thread is to be had."""

from __future__ import annotations

import _thread
import threading

import pytest

from elf_sqlcheck.aside import aside


def test_it_goes_on_while_the_caller_does_something_else() -> None:
    began, go = threading.Event(), threading.Event()

    def work() -> str:
        began.set()
        return "done" if go.wait(20) else "late"

    result = aside(work)
    assert began.wait(20)
    go.set()
    assert (result(), result()) == ("done", "done")


def test_whoever_waits_gets_its_error_each_time() -> None:
    def work() -> None:
        raise ValueError("no")

    result = aside(work)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            result()


def test_without_threads_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", none)
    assert aside(lambda: 3)() == 3
