"""The proxy: what it asks of its worker, and how long it waits, without Ray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fkd_core.fitting.result import Progress
from fkd_core.studies import proxy
from fkd_core.studies.proxy import Proxy

WHOLE = ({"summary": {}}, {}, [])


class Asked:
    """Stands in for a worker, and for the clock: each call takes 10 seconds."""

    def __init__(self, told: Sequence[Any], patch: pytest.MonkeyPatch) -> None:
        self.told, self.now = list(told), 0.0
        self.looks: list[list[int]] = []
        self.passed: list[float] = []
        patch.setattr(proxy.ray, "get_actor", lambda name: self)
        patch.setattr(proxy, "answer", self.answer)
        patch.setattr(proxy.time, "monotonic", lambda: self.now)

    @property
    def fit(self) -> Asked:
        return self

    def remote(
        self, spec: object, looks: list[int], seconds: float | None, held: Sequence[Any]
    ) -> None:
        self.looks.append(looks)

    def answer(self, call: None, seconds: float, passed: float) -> Any:
        self.passed.append(passed)
        self.now += 10
        return self.told.pop(0)


def test_looks_are_for_the_first_fit_and_a_fits_limit_counts_all_its_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_the_way = Progress(2, [3.0, 2.0], 10.0)
    asked = Asked([on_the_way, on_the_way, WHOLE, on_the_way, WHOLE], monkeypatch)
    trial = object.__new__(Proxy)
    trial.setup({"worker": "w", "specs": [{}, {}], "looks": [2, 4], "seconds": 5.0}, 60.0, ())
    assert [trial.step()["fits"] for _ in range(5)] == [0, 0, 1, 1, 2]
    assert asked.looks == [[2, 4]] * 3 + [[]] * 2
    assert asked.passed == [0.0, 10.0, 20.0, 0.0, 10.0]
