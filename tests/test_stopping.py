"""How a run is stopped, and what is not stopped half way."""

from __future__ import annotations

import signal
import threading

import pytest

from fkd_core.stopping import Stopped, TimeUp, in_one_piece, stoppable


@pytest.fixture(params=["POSIX", "Windows"], autouse=True)
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Windows":
        monkeypatch.delattr(signal, "SIGALRM")


def wait(seconds: float) -> None:
    """Waits so that a signal is handled within 10 ms whoever raised it."""
    for _ in range(int(seconds * 100)):
        threading.Event().wait(0.01)


def test_the_time_limit_stops_the_block_and_leaves_the_handlers() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TimeUp, match=r"the 0\.001 min of --minutes are over"), stoppable(0.001):
        wait(60)
    assert signal.getsignal(signal.SIGINT) == before


def test_what_ends_in_time_is_not_stopped_later() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stoppable(0.002):
        pass
    wait(0.3)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_signal_waits_for_the_end_of_what_is_done_in_one_piece() -> None:
    done = []

    def work() -> None:
        with stoppable(), in_one_piece():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")

    with pytest.raises(Stopped):
        work()
    assert done == ["whole"]


def test_other_threads_may_do_things_in_one_piece_too() -> None:
    done = []

    def work() -> None:
        with in_one_piece():
            done.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["whole"]
