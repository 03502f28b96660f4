"""How often does the evidence find what is not there? With real fits: studies of nothing.

    python benchmarks/aa_studies.py [--data FOLDER] [--studies 20]

In each study some candidates meet the same control as in search_augment.py's confirmation: the
same faces, pairs, training and judge. But no candidate does anything: its fits differ from the
control's by the seeds of their weights and batches alone. So whatever is called helpful or
harmful is false. Every study has deals and seeds of its own.

Prints, and writes below --results:

* the share of studies with any false verdict, the share of single p below 0.05 and of 95%
  intervals that hold 0, each with a 95% interval;
* scatter over promise: how much effects scatter about 0, in standard errors as they were stated;
  1 where these are right, more where they promise too much;
* the parts of the noise (``fkd_core.evidence.components``), which calibrate_evidence.py simulates
  with. A goal for many studies is its business: twenty tell 5% from 30%, not from 10%.

What is done is kept: stop it when you like, and run it again for more studies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from held_back import console, trained
from scipy import stats

from fkd_core import command
from fkd_core.data.demo import demo_folder
from fkd_core.data.kaggle import load_competition
from fkd_core.errors import UserError
from fkd_core.evidence import Comparison, Estimate, FitErrors, compare, judge
from fkd_core.evidence.components import estimate
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.options import check_counts
from fkd_core.report.sheet import Sheet
from fkd_core.shared_options import chosen_pipelines
from fkd_core.studies.paired import PairedDesign, errors, fresh
from search_spaces import augmentation


@dataclass(frozen=True)
class Options:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results/aa_studies")
    """Folder for what is kept, so that a rerun goes on."""
    pipeline: str = "complete"
    """Whose faces are scored."""
    studies: int = 20
    """Studies, each with deals and seeds of its own."""
    candidates: int = 3
    """Of each study."""
    preset: Literal["smoke", "quick", "full"] = "smoke"
    """Length and faces of a fit, as search_augment.py has them."""
    pairs: int = 10
    """Of the confirmation: those of preset quick."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        check_counts(vars(self), studies=1, candidates=1, pairs=2)
        chosen_pipelines([self.pipeline])
        if self.candidates > 9 or self.pairs > 100:
            raise UserError("--candidates, --pairs: more than 9 or 100 would share their seeds")

    def arms(self, study: int) -> list[list[FitSpec]]:
        """The fits of a study's control and of its candidates, pair by pair."""
        budget = augmentation.BUDGETS[self.preset]
        control = augmentation.base(self.pipeline, budget, study, "light")
        first = 1000 * study
        specs = PairedDesign("confirm", fresh(self.pairs, budget.folds, first)).specs(control)
        return [
            [replace(spec, seed=spec.seed + 100 * arm) for spec in specs]
            for arm in range(self.candidates + 1)
        ]


def judged(options: Options, fits: Fits, study: int) -> tuple[dict[str, Comparison], list[str]]:
    """The comparisons of a study, and its verdicts."""
    arms = options.arms(study)
    pairs = [spec.seed for spec in arms[0]]
    control, *others = (
        [_errors(spec, pair, fits) for spec, pair in zip(arm, pairs, strict=True)] for arm in arms
    )
    found = {f"candidate {n}": compare(arm, control) for n, arm in enumerate(others)}
    return found, [verdict.verdict for verdict in judge(found, list(found), {})]


def _errors(spec: FitSpec, pair: int, fits: Fits) -> FitErrors:
    """Of a fit, as that of the pair which the control's seed names."""
    result = fits.get(spec)
    if not isinstance(result, FitResult):
        raise UserError(f"a fit failed or vanished: {result and result.reason}")
    return replace(errors(result), seed=pair)


def share(hits: int, among: int) -> Estimate:
    """With Wilson's interval."""
    low, high = stats.binomtest(hits, among).proportion_ci(method="wilson")
    return Estimate(hits / among, float(low), float(high))


def sheets(options: Options, fits: Fits) -> Iterator[Sheet]:
    """What came out."""
    every = [judged(options, fits, study) for study in range(options.studies)]
    own = [comparison for found, _ in every for comparison in found.values()]
    false = sum(bool({"helpful", "harmful"} & set(verdicts)) for _, verdicts in every)
    said = [verdict for _, verdicts in every for verdict in verdicts]
    size = {
        "studies": len(every),
        "any false verdict": share(false, len(every)),
        "p < 0.05": share(sum(c.p < 0.05 for c in own), len(own)),
        "intervals hold 0": share(sum(c.low <= 0 <= c.high for c in own), len(own)),
        "scatter over promise": float(np.sqrt(np.mean([(c.effect / c.se) ** 2 for c in own]))),
        "verdicts": ", ".join(f"{said.count(name)} {name}" for name in dict.fromkeys(said)),
    }
    yield Sheet("aa_studies", "Studies of nothing, real fits", [size])
    parts = [
        asdict(
            estimate(
                [_errors(s, s.seed, fits) for s in arm], [_errors(s, s.seed, fits) for s in first]
            )
        )
        for first, *others in (options.arms(study) for study in range(options.studies))
        for arm in others
    ]
    mean: dict[str, Any] = {name: float(np.mean([p[name] for p in parts])) for name in parts[0]}
    yield Sheet("parts", "Parts of the noise, means over candidates", [mean])


def main(options: Options) -> None:
    """Train, judge, and print what came out."""
    data = options.data or demo_folder(options.results / "cache" / "demo")
    faces = load_competition(data, options.results / "cache" / "faces").training
    arms = [arm for study in range(options.studies) for arm in options.arms(study)]
    # Pair by pair: neighbours in time differ in arm.
    specs = [spec for together in zip(*arms, strict=True) for spec in together]
    fits = trained(faces, specs, options.results, "studies of nothing", keep_weights=False)
    for sheet in sheets(options, fits):
        sheet.write(options.results)
        console.print(sheet.shown())


if __name__ == "__main__":
    command.run(main, Options)
