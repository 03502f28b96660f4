"""Section: what Optuna searched, how it went, and which parameters mattered."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from fkd_core.inventory import KeptStudy
from fkd_core.report.page.found import Found
from fkd_core.report.page.plain import hours
from fkd_core.report.page.plots import Series, Spot, lines, parallel
from fkd_core.report.page.rows import Row, bars
from fkd_core.report.page.scale import Scale
from fkd_core.report.page.section import Figure, Section, command_of, table
from fkd_core.report.page.tuned import tuned_figures

LEAST = 4
"""Whole trials that a study needs for charts of its own."""
ARM = "arm"
"""The only parameter of studies that show arms that have met, and search nothing."""
WEIGHED = 30
"""Whole trials from which importances tell something: of five parameters of which two matter, one
three times as much, it is named first in 73% of made-up studies of 30 trials, in 45% of 12 and in
18% of 8, which is chance."""
_SHOWN, _WAYS, _AXES, _BARS = 500, 120, 5, 10


def search_section(run: Found) -> Section:
    """Tuned models, then each study."""
    missing = []
    if not run.tuned:
        missing.append(
            ("No model was tuned here; this tunes one:", command_of("tune_models", run.options))
        )
    figures = tuned_figures(run)
    small = []
    for study in run.studies:
        whole = [t for t in study.trials if t.state == TrialState.COMPLETE and t.value is not None]
        if len(whole) >= LEAST and any(set(t.params) != {ARM} for t in whole):
            figures += _charts(run, study, whole)
        else:
            small.append(study)
    if small:
        figures.append(
            Figure(
                "Small searches" if len(small) < len(run.studies) else "Searches",
                table(
                    ("study", "trials", "pruned", "failed", "best, px", "worker time"),
                    [_line(study) for study in small],
                ),
                "Studies with few trials, such as the screen of one augmentation: its value is "
                "the change of RMSE on set search, which chooses and proves nothing.",
                folded=len(small) > 12,
            )
        )
    if not figures:
        return Section("searches", "Searches", missing=missing)
    words = [
        "A search proposes configurations (trials) and scores each by fits on set search. The "
        "score that chose is always flattering; what is claimed above was measured again on "
        "other faces."
    ]
    return Section("searches", "Searches", words, figures, missing)


def _line(study: KeptStudy) -> Sequence[str]:
    states, best = study.states, study.best
    form = ".3f" if study.name.startswith("tuning/") else "+.3f"
    return (
        readable(study.name),
        str(sum(states.values())),
        str(states["PRUNED"]),
        str(states["FAIL"]),
        "" if best is None else f"{best.value:{form}}",
        hours(study.costs.spent),
    )


def readable(name: str) -> str:
    """A study's name without its hash."""
    return name.split("@")[0].replace("/", ", ").replace("+", " + ")


def _charts(run: Found, study: KeptStudy, whole: Sequence[FrozenTrial]) -> list[Figure]:
    name = readable(study.name)
    tuning = study.name.startswith("tuning/")
    made_by = run.made_by("tuning" if tuning else "augmentation")
    axis = "RMSE, px" if tuning else "change of RMSE, px"
    states = study.states
    figures = [
        Figure(
            f"{name}: history",
            _history(study.trials, axis),
            f"Each dot is a trial: {states['COMPLETE']} whole, {states['PRUNED']} stopped early "
            f"(hollow, at their last look), {states['FAIL']} failed. The line is the best so far. "
            f"Worker time: {hours(study.costs.spent)}; saved by stopping early: "
            f"{hours(study.costs.pruned)}.",
            made_by,
        )
    ]
    weighed = importances(whole) if len(whole) >= WEIGHED else {}
    if weighed:
        figures.append(
            Figure(
                f"{name}: what mattered",
                bars(
                    [
                        Row(param, share, look="s0", beside=f"{share:.0%}")
                        for param, share in list(weighed.items())[:_BARS]
                    ],
                    "",
                    "importance of parameters",
                ),
                "How much each parameter tells the better trials from the others (PED-ANOVA; "
                "Watanabe, Bansal and Hutter, IJCAI 2023). With few trials it is a rough guess.",
                made_by,
            )
        )
    axes = _axes(whole, weighed)
    if len(axes) > 1:
        figures.append(
            Figure(
                f"{name}: trials side by side",
                _parallel(whole, axes, axis),
                "A line is a whole trial, running through its parameters to its score; the "
                "better fifth in colour. Choices are numbered in the order of the search space.",
                made_by,
                folded=True,
            )
        )
    return figures


def _history(trials: Sequence[FrozenTrial], axis: str) -> str:
    some = trials[:: 1 + len(trials) // _SHOWN]
    spots = []
    for t in some:
        if t.state == TrialState.COMPLETE and t.value is not None:
            spots.append(Spot(t.number, t.value, "s0", f"trial {t.number}: {t.value:.3f} px"))
        elif t.state == TrialState.PRUNED and t.intermediate_values:
            step, value = max(t.intermediate_values.items())
            if math.isfinite(value):
                told = f"trial {t.number}: stopped at step {step}, {value:.3f} px"
                spots.append(Spot(t.number, value, "s5", told, hollow=True))
    whole = [
        (t.number, t.value)
        for t in trials
        if t.state == TrialState.COMPLETE and t.value is not None
    ]
    best = list(accumulate((value for _, value in whole), min))
    course = Series([n for n, _ in whole], best, "s1")
    ys = [spot.y for spot in spots]
    wild = min(ys) > 0 and max(ys) > 8 * min(ys)
    return lines([course], "trial", axis, "scores of trials", log=wild, spots=spots)


def importances(whole: Sequence[FrozenTrial]) -> dict[str, float]:
    """Parameter to its importance, all together 1; empty where that cannot be told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study()
        study.add_trials(list(whole))
        try:
            rule = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(study, evaluator=rule)
        except (ValueError, RuntimeError):  # too few whole trials, or all of them equal
            return {}
    return {name: share for name, share in found.items() if math.isfinite(share)}


def _axes(
    whole: Sequence[FrozenTrial], weighed: Mapping[str, float]
) -> list[tuple[str, BaseDistribution]]:
    known: dict[str, BaseDistribution] = {}
    for trial in whole:
        known |= trial.distributions
    order = [*weighed, *(name for name in known if name not in weighed)]
    return [(name, known[name]) for name in order if name in known][:_AXES]


def _parallel(
    whole: Sequence[FrozenTrial], axes: Sequence[tuple[str, BaseDistribution]], axis: str
) -> str:
    some = whole[:: 1 + len(whole) // _WAYS]
    values = sorted(float(t.value or 0.0) for t in some)
    bar = values[max(0, len(values) // 5 - 1)]
    scales = [(name, _scale(kind)) for name, kind in axes]
    low, high = values[0], values[-1]
    scales.append((axis.split(",")[0], Scale(low, high if high > low else low + 1e-9, 0, 1)))
    ways = [
        (
            [*(_place(t, name, kind) for name, kind in axes), float(t.value or 0.0)],
            "s1" if float(t.value or 0.0) <= bar else "rule",
        )
        for t in sorted(some, key=lambda t: -float(t.value or 0.0))
    ]
    return parallel(scales, ways, "trials through their parameters")


def _scale(kind: BaseDistribution) -> Scale:
    if isinstance(kind, CategoricalDistribution):
        return Scale(0, max(1, len(kind.choices) - 1), 0, 1)
    assert isinstance(kind, FloatDistribution | IntDistribution)
    high = kind.high if kind.high > kind.low else kind.low + 1
    return Scale(kind.low, high, 0, 1, kind.log)


def _place(trial: FrozenTrial, name: str, kind: BaseDistribution) -> float | None:
    value: Any = trial.params.get(name)
    if value is None:
        return None
    if isinstance(kind, CategoricalDistribution):
        return float(kind.choices.index(value)) if value in kind.choices else None
    return float(value)
