"""How fast this machine is, for estimates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.lenet5 import LeNet5
from fkd_core.protocols import estimates
from fkd_core.protocols.machine import core_speed
from fkd_core.running.simulated import simulated_faces

FACES = simulated_faces(120)
SPEC = FitSpec(LeNet5.tiny(), training=Training(epochs=100))


def test_it_is_measured_once_and_lies_within_bounds() -> None:
    assert 0.25 <= core_speed() <= 4.0
    assert core_speed() == core_speed()


def test_what_was_not_measured_here_is_expected_to_take_less_on_a_faster_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def seconds(speed: float) -> float:
        monkeypatch.setattr(estimates, "core_speed", lambda: speed)
        return estimates.seconds_a_fit(SPEC, [], FACES, 1000.0)

    assert seconds(1.0) == pytest.approx(1 + 120 * 100 / 1000)
    assert seconds(2.0) == pytest.approx(1 + 120 * 100 / 2000)


def test_what_was_measured_here_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "core_speed", lambda: 4.0)
    row = {"model": SPEC.name, "pipeline": "complete", "epochs": 100, "seconds": 7.0}
    longer = replace(SPEC, training=Training(epochs=101))
    assert estimates.seconds_a_fit(SPEC, [row], FACES, 1000.0) == 7.0
    assert estimates.seconds_a_fit(longer, [row], FACES, 1000.0) != 7.0
