"""What is said while fits run: in a terminal beside the bar, elsewhere a line now and then."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from fkd_core.fitting.result import Failed
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.lenet5 import LeNet5
from fkd_core.progress import FitProgress, Part

SPEC = FitSpec(LeNet5.tiny(), training=Training(epochs=10))


def test_a_log_says_what_is_waited_for_what_is_done_and_how_long_it_was() -> None:
    out, clock = io.StringIO(), [0.0]
    console = Console(file=out, width=130)
    specs = [replace(SPEC, seed=seed) for seed in range(4)]
    plan = [Part("train", SPEC, 4, 20.0)]
    with FitProgress(console, plan, workers=1, now=lambda: clock[0]) as progress:
        progress.waiting("starting Ray")
        progress.ready(1, 1)
        progress.stage("train")
        progress.fits(specs, specs[1:])
        assert progress.words() == "train, 1 fit, 0:00, about 1:00 left"
        for spec in specs[1:]:
            clock[0] += 20.0
            progress.done(spec, Failed("told to"))
    assert out.getvalue().splitlines()[:3] == [
        "  starting Ray",
        "train",
        "  train, 2 fits, 0:20, about 0:40 left",
    ]
    assert progress.summary == "3 fits done in 1:00; the rest came from the store."


def test_a_stage_of_its_own_steps_says_how_many_are_done() -> None:
    progress = FitProgress(Console(quiet=True), now=lambda: 0.0)
    progress.stage("predict (ensemble)")
    progress.part(3, 10)
    assert progress.words() == "predict (ensemble): 3 of 10, 0:00"
