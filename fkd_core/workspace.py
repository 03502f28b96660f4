"""Workspace: everything the commands do, for Python and notebooks.

Fits run in this process, searches and ensembles on Ray as from the command line; both keep what
they did in the same results folder, so either goes on where the other ended.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from fkd_core.errors import UserError
from fkd_core.options import made, typed
from fkd_core.stopping import stoppable

if TYPE_CHECKING:  # each brings libraries that take seconds
    import pandas as pd

    from fkd_core.augment.policy import Policy
    from fkd_core.data.faces import Faces
    from fkd_core.data.kaggle import Competition
    from fkd_core.ensemble.predictor import Predictor
    from fkd_core.experiments.build_ensemble import Built
    from fkd_core.experiments.search_augment import Searched
    from fkd_core.fitting.fits import Fits
    from fkd_core.fitting.result import FitResult
    from fkd_core.fitting.spec import FitSpec
    from fkd_core.protocols.tuned import Tuned
    from fkd_core.shared_options import Options

Preset = Literal["smoke", "quick", "full"]
Chosen = TypeVar("Chosen", bound="Options")
Result = TypeVar("Result")


class Workspace:
    """A results folder and the faces it is about.

        >>> from fkd_core import Workspace
        >>> ws = Workspace(results, data=folder)
        >>> ws
        <workspace in ...: ..., seed 0>
        >>> ws.faces.images.shape[1:]
        (96, 96)
        >>> ws.spec("plain", epochs=3).training.epochs
        3
        >>> ws.leaderboard().empty
        True

    Without `data`, a folder or archive with the competition's files, the faces are the demo's.
    `seed` stands for everything that is drawn; the rest are the options of the same names that
    every command has. What cannot be done raises UserError, which says what to do.
    """

    def __init__(
        self,
        results: str | Path = "results",
        data: str | Path | None = None,
        *,
        run: str | None = None,
        corrections: str | Path | None = None,
        seed: int = 0,
        storage: str | None = None,
        address: str | None = None,
        gpus_per_trial: float | Literal["auto"] | None = None,
        checkpoints: str | None = None,
        fit_minutes: float | None = None,
    ) -> None:
        self.seed = seed
        self._shared: dict[str, Any] = {
            "results": Path(results).expanduser(),
            "data": Path(data).expanduser() if data is not None else None,
            "run": run,
            "corrections": Path(corrections).expanduser() if corrections is not None else None,
            "seed": seed,
            "storage": storage,
            "address": address or os.environ.get("RAY_ADDRESS"),
            "gpus_per_trial": gpus_per_trial,
            "checkpoints": checkpoints,
            "fit_minutes": fit_minutes,
        }

    @property
    def options(self) -> Options:
        """What every command is given, and where it keeps things."""
        from fkd_core.shared_options import Options

        return made(Options, self._shared)

    @cached_property
    def competition(self) -> Competition:
        """The competition's files, read and cleaned; ``notes`` says what was done to them."""
        from fkd_core.command import begin, plain_errors

        options = self.options
        with plain_errors(options.results):
            begin(options)
            return options.load()

    @property
    def faces(self) -> Faces:
        """The training faces."""
        return self.competition.training

    @property
    def fits(self) -> Fits:
        """The results that are kept of fits on these faces."""
        return self.options.fits(self.faces)

    def policy(self, model: str = "plain", pipeline: str = "complete") -> tuple[Policy, str]:
        """The augmentations that a model trains under here, and a sentence on where they come
        from: what was found on these faces, or what stands for it. Raises UserError as ``spec``
        does."""
        from fkd_core.findings.policy import policy_or
        from fkd_core.shared_options import chosen_pipelines
        from search_spaces.model import ModelSpace, tuned_models

        name, *others = tuned_models([model])
        if others:
            raise UserError("a fit is of one model; name it")
        (pipeline,) = chosen_pipelines([pipeline])
        unsearched = ModelSpace(name).unsearched
        return policy_or(self.options.outcomes.policy, pipeline, self.faces, name, unsearched)

    def spec(
        self,
        model: str = "plain",
        *,
        pipeline: str = "complete",
        epochs: int | None = None,
        faces: int | None = None,
        fold: int = 0,
        seed: int | None = None,
    ) -> FitSpec:
        """A model's default training, under the augmentations that ``policy`` tells of: what `fit`
        takes, to be changed by ``dataclasses.replace``.

        One fifth of the faces, the `fold`, is held out; `faces` bounds how many train, and
        `epochs` is 60 unless said. Raises UserError for an unknown model or pipeline.
        """
        from fkd_core.protocols.tuning_plan import TuningPlan, resized
        from search_spaces.model import ModelSpace
        from search_spaces.training import BUDGETS

        policy, _ = self.policy(model, pipeline)
        budget = replace(resized(BUDGETS["quick"], epochs=epochs), faces=faces)
        made = TuningPlan(ModelSpace(model), pipeline, budget, policy, self.seed).hypothesis
        try:
            split = replace(made.split, family="all", folds=5, fold=fold)
        except ValueError as error:
            raise UserError(str(error)) from error
        return made.everywhere(split=split, seed=self.seed if seed is None else seed)

    def fit(
        self, spec: FitSpec | None = None, *, keep_weights: bool = False, **asked: Any
    ) -> FitResult:
        """Trains one model once, in this process, or gives what is kept of it already.

        `spec` is what to do; without it `asked` is what ``Workspace.spec`` takes. ``rmse`` of what
        comes back is in pixels, on the faces that were held out. Raises UserError where the fit
        cannot be done.
        """
        from fkd_core import needs
        from fkd_core.command import plain_errors
        from fkd_core.fitting import runtime
        from fkd_core.fitting.fit import fit
        from fkd_core.fitting.result import Failed, FitResult, Stopped

        if spec is None:
            spec = self.spec(**asked)
        elif asked:
            raise UserError(f"the spec says it all; leave {', '.join(asked)} out")
        fits = self.fits
        for stage in fits.lacking([spec], keep_weights):  # what it is aligned by comes before it
            needs.check(needs.backend(stage.backend, stage.name))
            try:
                runtime.prepare_for(stage)
            except RuntimeError as error:  # Keras was imported before
                raise UserError(f"{error}: make this the notebook's first fit") from error
            with plain_errors(self.options.results):
                done = fit(
                    stage,
                    self.faces,
                    cache=self.options.place.cache,
                    keep_weights=keep_weights or stage != spec,
                    before=fits.weights(stage.aligned_by) if stage.aligned_by else None,
                )
                assert not isinstance(done, Stopped)  # nobody asked it to stop
                if isinstance(done, Failed) and done.out_of_memory:  # with more it may succeed
                    raise UserError(f"{stage.name}: {done.reason}; make its batches smaller")
                fits.keep(stage, done)
        kept = fits.get(spec)
        if not isinstance(kept, FitResult):
            reason = kept.reason if kept else "its result vanished; ask again"
            raise UserError(f"{spec.name} cannot be fitted: {reason}")
        return kept

    def search_augment(
        self,
        transforms: Sequence[str] = (),
        *,
        probe: Literal["light", "cascade"] = "light",
        pipelines: Sequence[str] | None = None,
        preset: Preset = "quick",
        trials: int | None = None,
        gpu_hours: float | None = None,
        epochs: int | None = None,
        faces: int | None = None,
        pairs: int | None = None,
        smallest_effect: float = 0.005,
        plan_power: float | None = None,
        dry_run: bool = False,
    ) -> dict[str, Searched]:
        """By pipeline, the verdict on each augmentation and the policy of those that help: see
        ``fkd search-augment --help``."""
        from fkd_core.experiments.search_augment import SearchAugment, main

        asked = _given(locals())
        return self._done("search-augment", main, SearchAugment, asked)

    def tune(
        self,
        models: Sequence[str] = (),
        *,
        pipelines: Sequence[str] = (),
        preset: Preset = "quick",
        trials: int | None = None,
        gpu_hours: float | None = None,
        epochs: int | None = None,
        faces: int | None = None,
        warm_start: bool = True,
        dry_run: bool = False,
    ) -> list[Tuned]:
        """The best configuration of each model for each pipeline: see ``fkd tune --help``."""
        from fkd_core.experiments.tune_models import TuneModels, main

        asked = _given(locals())
        return self._done("tune", main, TuneModels, asked)

    def build_ensemble(
        self,
        models: Sequence[str] = (),
        *,
        recipe: Literal["auto", "best", "tuned"] = "auto",
        pipelines: Sequence[str] = ("complete", "partial"),
        preset: Preset = "quick",
        seeds: int = 1,
        folds: int | None = None,
        epochs: int | None = None,
        faces: int | None = None,
        tta: Literal["none", "mirror", "shifts", "warps", "settled", "settled_few"] | None = None,
        cross: bool = False,
        other_style: bool = False,
        refits: int | None = None,
        stacker: Literal[
            "auto", "mean", "weights", "ridge", "lasso", "elastic_net", "neural"
        ] = "auto",
        against_reference: bool = False,
        compact: float | None = None,
        dry_run: bool = False,
    ) -> Built | None:
        """The ensemble, its score on faces that chose nothing, and the submission: see
        ``fkd ensemble --help``. None for a dry run."""
        from fkd_core.experiments.build_ensemble import BuildEnsemble, main

        asked = _given(locals())
        return self._done("ensemble", main, BuildEnsemble, asked)

    def predictor(self) -> Predictor:
        """The ensemble that was built here, ready for photos; its ``made_by`` says when, how and
        by which code. Raises UserError where none was."""
        from fkd_core.ensemble.predictor import Predictor

        return Predictor.load(self.options.outcomes.ensemble)

    def leaderboard(self) -> pd.DataFrame:
        """What was measured here on set final, whose faces chose nothing: tuned models and
        ensembles, best first within each pipeline. RMSE in pixels with its 95% interval."""
        from fkd_core.report.leaderboard import leaderboard

        run = self.options.outcomes
        return leaderboard(run.best, run.ensemble, self.faces)

    def _done(
        self,
        name: str,
        main: Callable[[Chosen, str | None], Result],
        kind: Callable[..., Chosen],
        asked: dict[str, Any],
    ) -> Result:
        """Does what the command of this name does with these options."""
        from fkd_core.command import begin, plain_errors

        options = made(kind, {**self._shared, **asked})
        in_main = threading.current_thread() is threading.main_thread()
        with plain_errors(options.results):
            begin(options)
            with stoppable() if in_main else contextlib.nullcontext():
                return main(options, typed(f"fkd {name}", options))

    def __repr__(self) -> str:
        data = self._shared["data"] or "the demo faces"
        return f"<workspace in {self._shared['results']}: {data}, seed {self.seed}>"


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """A method's arguments as options have them: what was imported there aside."""
    own = {name: v for name, v in arguments.items() if name != "self" and not callable(v)}
    for name in {"transforms", "models", "pipelines"} & own.keys():
        if own[name] is not None:
            own[name] = (own[name],) if isinstance(own[name], str) else tuple(own[name])
    return own
