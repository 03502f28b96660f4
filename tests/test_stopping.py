"""How a run is stopped by its own time limit."""

from __future__ import annotations

import signal
import threading

import pytest

from fkd_core.stopping import TimeUp, stoppable


def wait(seconds: float) -> None:
    """Waits so that a signal is handled within 10 ms whoever raised it."""
    for _ in range(int(seconds * 100)):
        threading.Event().wait(0.01)


@pytest.mark.parametrize("windows", [False, True])
def test_the_time_limit_stops_the_block_and_leaves_the_handlers(
    windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if windows:
        monkeypatch.delattr(signal, "SIGALRM")
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TimeUp, match=r"the 0\.001 min of --minutes are over"), stoppable(0.001):
        wait(60)
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("windows", [False, True])
def test_what_ends_in_time_is_not_stopped_later(
    windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if windows:
        monkeypatch.delattr(signal, "SIGALRM")
    with stoppable(0.002):
        pass
    threading.Event().wait(0.2)
