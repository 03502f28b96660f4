"""How a run is stopped from outside: Ctrl-C, SIGTERM, and its own time limit.

All three raise in the main thread, so that every block on the way out can leave its things in
order; what is finished is kept already. A second Ctrl-C ends the process at once. While libraries
are still imported there is nothing to keep, and the first one does.

The standard library alone, for scripts import it before everything else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn


class Stopped(KeyboardInterrupt):
    """Somebody wants the run to stop. The argument says who."""

    code = 130
    """The exit code, as shells have it."""


class Terminated(Stopped):
    """By SIGTERM: a batch system that wants its machine back."""

    code = 143


class TimeUp(Stopped):
    """By --minutes."""

    code = 124


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os.write(2, b"stopped before anything was begun\n")
    os._exit(Stopped.code)


def while_loading() -> None:
    """From here to ``loaded``, Ctrl-C ends the process with one line; as an exception it would
    come out of the middle of some library's import, with pages of its insides. For the main
    thread, and only where Ctrl-C is not handled otherwise or ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def loaded() -> None:
    """Ctrl-C is an exception again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def stoppable(minutes: float | None = None) -> Iterator[None]:
    """Signals and the time limit end this block with Stopped. For the main thread."""
    asked: list[Stopped] = []
    over: list[bool] = []

    def stop(reason: Stopped) -> NoReturn:
        asked.append(reason)
        raise reason

    def interrupted(number: int, frame: FrameType | None) -> NoReturn:
        if over:
            time_up(number, frame)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        print("stopping; Ctrl-C once more stops at once", file=sys.stderr, flush=True)
        stop(Stopped("stopped"))

    def terminated(number: int, frame: FrameType | None) -> NoReturn:
        stop(Terminated("stopped by SIGTERM"))

    def time_up(number: int, frame: FrameType | None) -> NoReturn:
        stop(TimeUp(f"the {minutes:g} min of --minutes are over"))

    handlers = {signal.SIGINT: interrupted, signal.SIGTERM: terminated}
    timer: threading.Timer | None = None
    if minutes is not None and hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = time_up
        signal.setitimer(signal.ITIMER_REAL, minutes * 60)  # the kernel's clock does not jump
    elif minutes is not None:  # Windows has no such signal

        def interrupt() -> None:
            over.append(True)
            signal.raise_signal(signal.SIGINT)

        timer = threading.Timer(min(minutes * 60, threading.TIMEOUT_MAX), interrupt)
        timer.daemon = True
        timer.start()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    except (
        KeyboardInterrupt
    ) as error:  # inside Ray's calls, a plain one takes our exception's place
        raise asked[0] if asked else Stopped("stopped") from error
    finally:
        if timer is not None:
            timer.cancel()
        elif minutes is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def in_one_piece() -> Iterator[None]:
    """Signals that arrive in this block of the main thread are handled at its end: an exception
    out of the middle of a transaction may leave the database locked, and is lost where it comes
    in a finalizer. The second of a kind ends the process at once. Other threads get no signals,
    so there it changes nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before: dict[int, Any] = {}

    def wait(number: int, frame: FrameType | None) -> None:
        if number in waiting:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        waiting.append(number)

    try:
        for number in {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGALRM", signal.SIGINT)}:
            if callable(handler := signal.getsignal(number)):
                before[number] = handler
                signal.signal(number, wait)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in waiting:
            signal.raise_signal(number)
