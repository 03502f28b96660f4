"""What is said to be left is about what is left: whole searches with simulated fits, which take
seconds of a simulated clock, on a machine that is slower than its records say."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from fkd_core.augment.policy import Policy
from fkd_core.fitting.fits import Fits, OnOutcome, Outcome
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.progress import FitProgress, Forecast, Part, clock, counted
from fkd_core.progress.bar import best_in_words
from fkd_core.protocols import augmentation_studies, estimates
from fkd_core.protocols.augmentation import AugmentationSearch
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.protocols.tuning import Tuning
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.running.simulated import outcome, simulated_faces
from fkd_core.studies.simulation import Clock, simulate
from fkd_core.studies.storage import Storage
from fkd_core.studies.study import Study
from search_spaces import augmentation as space
from search_spaces.augmentation import BUDGETS as AUGMENTATION
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS as TUNING

FACES = simulated_faces(250)
WORKERS = 3


@dataclass
class SimulatedSession:
    """Stands in for ``running.session.Session``: fits take an epoch a second on its clock."""

    clock: Clock
    watch: FitProgress
    said: list[tuple[float, float]] = field(default_factory=list)
    """Moments, and what was said to be left then."""
    words: list[str] = field(default_factory=list)

    def run_fits(
        self, specs: Sequence[FitSpec], fits: Fits, on_outcome: OnOutcome, **_: Any
    ) -> None:
        todo = fits.lacking(specs)
        self.watch.fits(specs, todo)
        free = [self.clock.now] * WORKERS
        for spec in todo:
            now = min(free) + spec.training.epochs
            free[free.index(min(free))] = now
            self.clock.now = max(self.clock.now, now)
            result = outcome(spec, FACES)
            fits.keep(spec, result)
            on_outcome(spec, result)

    def run_studies(
        self, _: object, studies: Sequence[Study], fits: Fits, on_outcome: OnOutcome, *__: Any
    ) -> None:
        self.watch.searches(studies)
        simulate(studies, fits, FACES, WORKERS, self.watch.trial, on_outcome, self.clock)

    def note(self, spec: FitSpec, made: Outcome) -> None:
        """As ``FitProgress.done``, and remembers what it says then."""
        self.watch.done(spec, made)
        left = self.watch.forecast.left(self.clock.now)
        self.said.append((self.clock.now, left or 0.0))
        self.words.append(self.watch.words())


def begun(parts: Sequence[Part]) -> SimulatedSession:
    clock = Clock()
    quiet = Console(quiet=True)
    return SimulatedSession(clock, FitProgress(quiet, parts, WORKERS, lambda: clock.now))


def misses(run: SimulatedSession, begin: float = 0.0) -> list[float]:
    """By what share of what really was left the foretelling was off, from a third on."""
    end = run.clock.now
    third = [(at, left) for at, left in run.said if (end - begin) / 3 <= at - begin and at < end]
    return [abs(left - (end - at)) / (end - at) for at, left in third]


@pytest.fixture
def fits(tmp_path: Path) -> Fits:
    return Fits(FitStore(tmp_path), FACES.fingerprint)


def augment(run: SimulatedSession, plan: Plan, fits: Fits, storage: Storage) -> None:
    """As the page does."""
    search = AugmentationSearch(plan, cast(Any, run), fits, storage, run.note)
    run.watch.stage("screen (complete)")
    screened = search.screen()
    run.watch.stage("confirm (complete)")
    verdicts = search.confirm(screened)
    used = len(search.composable(verdicts))
    run.watch.expect(estimates.of_composing(plan, 1.0, used))
    run.watch.stage("compose (complete)")
    assert search.compose(verdicts) is not None


def test_an_augmentation_search_foretells_its_end(
    fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("rotation", "shift", "scale", "mirror", "brighten", "box_blur")
    plan = Plan(space, "complete", names, AUGMENTATION["quick"], seed=0)
    run = begun(estimates.of_augmentation(plan, [], FACES))
    monkeypatch.setattr(augmentation_studies, "run_studies", run.run_studies)
    augment(run, plan, fits, Storage())
    assert statistics.median(misses(run)) < 0.2


def tune(run: SimulatedSession, plan: TuningPlan, fits: Fits, storage: Storage) -> None:
    """As the page does."""
    tuning = Tuning(plan, cast(Any, run), fits, storage, run.note)
    run.watch.stage(f"search ({plan.model})")
    run.run_studies(None, [tuning.study], fits, run.note)
    run.watch.expect(estimates.of_confirming(plan, tuning.to_confirm, [], FACES))
    run.watch.stage(f"confirm and final ({plan.model})")
    tuning.outcome()


def test_a_tuning_foretells_its_end_also_where_half_of_it_is_stored(fits: Fits) -> None:
    budget, storage = replace(TUNING["quick"], faces=None), Storage()
    first, *_ = plans = [
        TuningPlan(ModelSpace(model), "complete", budget, Policy(), 0)
        for model in ("lenet5", "conv5")
    ]
    less = replace(first, budget=replace(budget, trials=8))
    half = begun(estimates.of_tuning(less, [], FACES))
    tune(half, less, fits, storage)

    run = begun([part for plan in plans for part in estimates.of_tuning(plan, [], FACES)])
    tune(run, first, fits, storage)
    assert run.watch.forecast.stored >= 8, "it starts at what is stored"
    tune(run, plans[1], fits, storage)
    assert statistics.median(misses(run)) < 0.2
    assert any(re.search(r"best \d\.\d\d px", words) for words in half.words)


SPEC = FitSpec(LeNet5.tiny(), training=Training(epochs=10))


def test_before_anything_is_done_the_records_speak_and_all_workers_count() -> None:
    plan = [Part("train", SPEC, 12, 10.0), Part("predict", None, 4, 5.0)]
    forecast = Forecast(plan, workers=2)
    assert forecast.left(0.0) == 12 * 10 / 2 + 4 * 5 / 2
    assert forecast.expected == 12


def test_what_fits_take_here_comes_in_place_of_the_records() -> None:
    forecast = Forecast([Part("train", SPEC, 8, 1.0)], workers=1)
    forecast.stage("train", 0.0)
    specs = [replace(SPEC, seed=seed) for seed in range(8)]
    forecast.fits(specs, specs[2:], 0.0)
    assert forecast.stored == 2
    assert forecast.left(0.0) == 6.0, "the records speak until the first is done"
    for number, spec in enumerate(specs[2:6], start=1):
        forecast.fit(spec, 20.0, 25.0 * number)  # five seconds between two fits
    assert forecast.left(100.0) == pytest.approx(2 * 25, rel=0.1)


def of_cascades(
    number: int, seconds: float, workers: int
) -> tuple[Forecast, list[FitSpec], list[FitSpec]]:
    """Told that so many cascades are trained, whose first fits should take 5 seconds and whose
    last ones so many; and these fits."""
    first = [replace(SPEC, seed=seed) for seed in range(number)]
    last = [replace(SPEC, seed=fit.seed, aligned_by=fit) for fit in first]
    parts = [Part("train", first[0], number, 5.0), Part("train", last[0], number, seconds)]
    forecast = Forecast(parts, workers)
    forecast.stage("train", 0.0)
    forecast.fits(last, [*first, *last], 0.0)
    return forecast, first, last


def test_fits_that_others_are_aligned_by_are_counted_once_and_tell_the_pace() -> None:
    forecast, first, _ = of_cascades(4, 20.0, workers=1)
    assert forecast.left(0.0) == 4 * 5 + 4 * 20
    for number, spec in enumerate(first, start=1):
        forecast.fit(spec, 10.0, 10.0 * number)
    assert forecast.left(40.0) == pytest.approx(4 * 40, rel=0.02), "twice as slow as was thought"


def test_what_the_other_worker_has_done_of_a_long_fit_counts_after_short_ones() -> None:
    """Else workers seem to be half as fast as they are, once the first long fit has ended."""
    forecast, first, last = of_cascades(4, 100.0, workers=2)
    for spec, now in zip(first, (5.0, 5.0, 10.0, 10.0), strict=True):
        forecast.fit(spec, 5.0, now)
    forecast.fit(last[0], 100.0, 110.0)
    # The second ends now, and then the other two take a hundred seconds.
    assert forecast.left(110.0) == pytest.approx(100.0, rel=0.1)


def test_a_long_fit_that_began_among_short_ones_is_counted_while_it_runs() -> None:
    """A worker goes on with what a short fit aligns, while the other does the short ones left."""
    forecast, first, last = of_cascades(5, 100.0, workers=2)
    forecast.begin(first[0], 0.0)
    forecast.begin(first[1], 0.0)
    for number, now in ((0, 5.0), (1, 5.0), (2, 10.0), (3, 15.0), (4, 20.0)):
        forecast.fit(first[number], 5.0, now)
        forecast.begin(last[0] if number == 0 else (*first, last[1])[number + 1], now)
    # Five of a hundred seconds on two workers, of which one has done 15.
    assert forecast.left(20.0) == pytest.approx((500 - 15) / 2, rel=0.05)


def test_a_limit_on_the_hours_of_a_search_bounds_what_is_foretold() -> None:
    part = Part("search (lenet5)", SPEC, 100, 60.0, 100, most=600.0)
    assert Forecast([part], workers=1).left(0.0) == 600.0


def test_steps_of_their_own_are_foretold_by_those_that_are_done() -> None:
    stacks = [Part(f"stack ({name})", None, 1, 0.0, like="stack") for name in "ab"]
    forecast = Forecast([Part("predict", None, 10, 9.0), *stacks], workers=2)
    forecast.stage("predict", 100.0)
    forecast.step(5, 10)
    assert forecast.left(110.0) == 10.0, "a stack's time is not known yet"
    forecast.stage("stack (a)", 120.0)
    forecast.stage("stack (b)", 150.0)
    assert forecast.left(150.0) == 30.0


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (29.4, "0:29"), (84, "1:24"), (7284, "2:01:24")]
)
def test_times_read_as_on_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_one_fit_is_no_fits() -> None:
    assert (counted(1), counted(2), counted(1200)) == ("1 fit", "2 fits", "1,200 fits")


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ("augmentation/complete/screen/shift@1234", "shift -0.31 px"),
        ("augmentation/complete/compose/shift+scale@1234", "composition -0.31 px"),
        ("augmentation/complete/confirm@1234", ""),
        ("tuning/complete/lenet5@1234", "best -0.31 px"),
    ],
)
def test_the_best_so_far_is_called_what_it_is(study: str, words: str) -> None:
    assert best_in_words(study, -0.314) == words
