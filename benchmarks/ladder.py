"""The ladder: what each step from the reference's recipe to the best one gains, and costs.

    python benchmarks/ladder.py --data FOLDER
    python benchmarks/ladder.py --data FOLDER --folds 5
    python benchmarks/ladder.py --data FOLDER --dry-run

Every step is compared with the one that it changes; those that do not pay are listed too. Each is
trained without one fold of five and scored on the faces of that fold, the same for all steps, as
the competition weights both annotators. Set final is left out of these figures, so that they may
decide; --final shows it beside them, once a release.

What is trained is kept below --results: stop it when you like, and the same command goes on; more
folds or steps are added to what is there. --dry-run trains nothing and shows the steps that are
whole. The table is also in ladder.csv. `--pictures 0.05` only shows that everything runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from held_back import Fold, console
from ladder_steps import Step, ladder
from numpy.typing import NDArray

from fkd_core import command
from fkd_core.data.demo import demo_folder
from fkd_core.data.folds import Split, set_of
from fkd_core.data.kaggle import Competition, load_competition
from fkd_core.ensemble.submission import requested_share
from fkd_core.errors import UserError
from fkd_core.evidence import Estimate, Pool, difference, rmse
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.report.sheet import Sheet
from fkd_core.shared_options import check_seed
from fkd_core.sources import COMPLETE, PARTIAL, PIPELINES

FOLDS = 5
"""K."""
SHARES = {COMPLETE.name: 64, PARTIAL.name: 36}
"""Percent of the requested coordinates, where no lookup table says."""


@dataclass(frozen=True)
class Ladder:
    """Options of this benchmark."""

    data: Path | None = None
    """The competition's files; without it, the demo faces."""
    results: Path = Path("results/ladder")
    """Folder for what is kept, so that a rerun goes on."""
    folds: int = 1
    """How many of five folds; more make intervals narrower."""
    steps: tuple[str, ...] = ()
    """Names of some steps; without it, all. Gains need the step that is compared with."""
    pictures: float = 1.0
    """Share of all lengths."""
    seed: int = 0
    """Of the deal into folds, of weights and batch order."""
    final: bool = False
    """Show the error on set final too."""
    dry_run: bool = False
    """Train nothing: say what is missing, and show the steps that are whole."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        if not 1 <= self.folds <= FOLDS:
            raise UserError(f"--folds: {self.folds} is not 1..{FOLDS}")
        if not 0 < self.pictures <= 100:
            raise UserError(f"--pictures: {self.pictures:g} is no share; give 1, or less to try")
        check_seed(self.seed)
        known = [step.name for step in ladder(1000, 1.0, 0)]
        for name in self.steps:
            if name not in known:
                raise UserError(f"--steps: there is no {name!r}; choose from {', '.join(known)}")

    def load(self) -> Competition:
        """The competition's files, or the demo's."""
        cache = self.results / "cache"
        return load_competition(self.data or demo_folder(cache / "demo"), cache / "faces")


def pools(step: Step, folds: Sequence[Fold], share: Mapping[str, int], final: bool) -> list[Pool]:
    """One of each source, of the faces of all folds that are in set final, or that are not."""
    found = []
    for source, weight in share.items():
        parts = []
        for fold in folds:
            faces = fold.held_out
            own = faces.labelled(PIPELINES[source]) & ((set_of(faces.group) == "final") == final)
            truth = faces.take(np.flatnonzero(own)).targets(PIPELINES[source])
            parts.append((predicted(step, fold, source)[own], truth, faces.group[own]))
        points, truth, group = (np.concatenate(column) for column in zip(*parts, strict=True))
        try:
            found.append(Pool.of_points(points, truth, group, weight))
        except ValueError as error:
            where = "in" if final else "outside"
            raise UserError(f"{source}, {where} set final: {error}; give more faces") from error
    return found


def predicted(step: Step, fold: Fold, source: str) -> NDArray[np.float64]:
    """[n, p, 2] pixels of the fold's held-out faces, in a source's style."""
    taught = [(spec, PIPELINES[spec.pipeline]) for spec in step.fits]
    found = [
        fold.answer(spec, step.view)[:, pipeline.of(source)]
        for spec, pipeline in taught
        if source in pipeline.sources
    ]
    mean: NDArray[np.float64] = np.mean(found, axis=0, dtype=np.float64)
    return mean


def cost(step: Step, folds: Sequence[Fold]) -> dict[str, int]:
    """Core-seconds a fold of the last stages and of all, and parameters of all."""
    last, whole = 0.0, 0.0
    for fold in folds:
        taken: dict[FitSpec, float] = {}
        fits = [fold.of(spec) for spec in step.fits]
        for stage in (stage for fit in fits for stage in fit.stages):
            result = fold.fits(stage).get(stage)
            assert isinstance(result, FitResult)  # its predictions are there
            taken[stage] = sum(result.seconds.values())
        last += sum(taken[fit] for fit in fits)
        whole += sum(taken.values())
    results = [folds[0].fits(spec).get(folds[0].of(spec)) for spec in step.fits]
    return {
        "core-s": round(last / len(folds)),
        "core-s, chain": round(whole / len(folds)),
        "parameters": sum(r.parameters for r in results if isinstance(r, FitResult)),
    }


def verdict(gain: Estimate | None) -> str:
    """What a difference says."""
    if gain is None:
        return ""
    return "pays" if gain.high < 0 else "harms" if gain.low > 0 else "tie"


def table(
    steps: Sequence[Step], folds: Sequence[Fold], share: Mapping[str, int], options: Ladder
) -> Sheet:
    """One row a step; they must be whole."""
    decides = {step.name: pools(step, folds, share, final=False) for step in steps}
    rows = []
    for step in steps:
        mine, rivals = decides[step.name], decides.get(step.against or "")
        gain = difference(mine, rivals) if rivals else None
        rows.append(
            {"step": step.name, "what": step.says}
            | {source: rmse([pool]).value for source, pool in zip(share, mine, strict=True)}
            | {"pooled": rmse(mine).value, "against": step.against or ""}
            | {"gain": gain, "verdict": verdict(gain)}
            | ({"final": rmse(pools(step, folds, share, final=True))} if options.final else {})
            | cost(step, folds)
        )
    scored = {source: len(np.unique(p.group)) for source, p in zip(share, mine, strict=True)}
    note = (
        f"RMSE, px, out of fold, without set final: {len(folds)} of {FOLDS} folds, "
        + ", ".join(f"{n:,} {source}" for source, n in scored.items())
        + f" image groups, weighted {':'.join(map(str, share.values()))}. Gains are differences "
        "with 95% intervals by paired bootstrap; negative is better. Core-seconds are a fold's. "
        f"Data {folds[0].faces.fingerprint[:16]}, seed {options.seed}, "
        f"{options.pictures:g} of the pictures."
    )
    return Sheet("ladder", "The ladder", rows, note)


def main(options: Ladder) -> None:
    """Train each step from the reference's recipe to the best one, and say what it gains."""
    competition = options.load()
    faces = competition.training
    share = requested_share(competition.lookup) if competition.lookup else SHARES
    share = {source: share[source] for source in SHARES}
    folds = [
        Fold(faces, Split("all", FOLDS, fold, options.seed), options.results)
        for fold in range(options.folds)
    ]
    try:
        taught = len(folds[0].known)
    except ValueError as error:
        raise UserError(f"{error}; give more faces") from error
    steps = [
        step
        for step in ladder(taught, options.pictures, options.seed)
        if step.name in options.steps or not options.steps
    ]
    if not options.dry_run:
        for fold in folds:
            fold.train(list(dict.fromkeys(spec for step in steps for spec in step.fits)))
    lacking = {step: {key for f in folds for key in f.lacking(step.fits)} for step in steps}
    missing = len({key for keys in lacking.values() for key in keys})
    if missing:
        console.print(f"{missing} fits are missing.")
    whole = [step for step, keys in lacking.items() if not keys]
    if whole:
        sheet = table(whole, folds, share, options)
        sheet.write(options.results)
        console.print(sheet.shown())


if __name__ == "__main__":
    command.run(main, Ladder)
