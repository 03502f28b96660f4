"""The words of a trial's page and of its study's, as paragraphs of Markdown."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.trial import TrialState

from fkd_core.augment.described import described
from fkd_core.augment.policy import Policy
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec
from fkd_core.studies.study import StudyPlan
from fkd_core.studies.trial import TrialEnd

_CARRIED = ("--data", "--corrections", "--results")
"""Options of a run that say where its faces and results are."""
_COLUMNS = 96


def about(plan: StudyPlan, command: str) -> list[str]:
    """What a study searches and what its values are; the first paragraph is its heading."""
    said, _, mark = plan.name.partition("@")
    parts = [
        f"## {said}",
        f"A trial's value is its {plan.measures}; lower is better.",
    ]
    if plan.control:
        level = np.mean([result.rmse for result in plan.control])
        parts.append(
            f"Each of its fits is compared with one without augmentation on the same fold, with "
            f"the same seed; those have an RMSE of {level:.3f} px (mean of {len(plan.control)})."
        )
    parts += [f"{name.capitalize()}: {note}" for name, note in plan.notes.items()]
    if mark:
        parts.append(
            f"@{mark} in its name stands for the faces, the code, the budget and the seed: with "
            "any other, the study is another one."
        )
    return [*parts, "Made by this command, which goes on with it:", _command(shlex.split(command))]


def story(end: TrialEnd, params: Mapping[str, Any]) -> list[str]:
    """What the trial was, by these parameters, and how it ended."""
    specs, results = end.specs, end.results
    parts = [_subject(spec) for spec in specs[:1]]
    parts += [_shown(specs[0].policy)] if specs and specs[0].policy else []
    parts.append(_end(end.state, len(specs), len(results), len(end.curve)))
    if results:
        parts.append(_value(end.study.plan, results))
    if "failure" in end.facts:
        parts.append(_code(str(end.facts["failure"])[:2000]))
    if params:
        rows = [(name, _plain(value)) for name, value in params.items()]
        parts += ["What it tried:", _table(("parameter", "value"), rows)]
    if results:
        control = end.study.plan.control
        head = ["fit", "epochs", "held-out RMSE, px"]
        fits = [[which(r.spec), str(r.best_epoch), f"{r.rmse:.3f}"] for r in results]
        if control:
            head += ["without augmentation, px", "difference, px"]
            for row, result, other in zip(fits, results, control, strict=False):
                row += [f"{other.rmse:.3f}", f"{result.rmse - other.rmse:+.3f}"]
        parts += ["Its whole fits:", _table(head, fits)]
    return parts


def _value(plan: StudyPlan, results: Sequence[FitResult]) -> str:
    """What it came to, beside its control."""
    mean = np.mean([result.rmse for result in results])
    if not plan.control:
        return f"Mean RMSE: {mean:.3f} px."
    other = np.mean([result.rmse for result in plan.control[: len(results)]])
    return (
        f"Mean RMSE: {mean:.3f} px, and {other:.3f} px without augmentation on the same folds: "
        f"{mean - other:+.3f} px ({100 * (mean - other) / other:+.1f}%)."
    )


def _shown(policy: Policy) -> str:
    one = "one of: " if policy.choice == "one" else ""
    return f"Its training pictures are shown with {one}{'; '.join(described(policy))}."


def reproduction(command: str, keys: Sequence[str]) -> list[str]:
    """The commands that make the trial, and each of its whole fits, again."""
    words = shlex.split(command)
    parts = ["Made by this command, which makes the same trial again:", _command(words)]
    if keys:
        where: list[str] = []
        for word, following in zip(words, [*words[1:], ""], strict=True):
            if word in _CARRIED:
                where += [word, following]
            elif word.startswith(tuple(f"{name}=" for name in _CARRIED)):
                where.append(word)
        parts.append("One of its fits alone, again:")
        parts += [_command([*_looking_after(words), "--redo", key, *where]) for key in keys]
    return parts


def _looking_after(words: Sequence[str]) -> list[str]:
    """The command that looks after results, called as this one was."""
    for front in (["fkd"], ["python", "-m", "fkd_core"]):
        if words[: len(front)] == front:
            return [*front, "results"]
    return ["python", "experiments/results.py"]


def which(spec: FitSpec) -> str:
    """What tells a trial's fits apart."""
    return f"fold {spec.split.fold}, seed {spec.seed}"


def _subject(spec: FitSpec) -> str:
    return (
        f"A {spec.name} for the pipeline {spec.pipeline}, trained for "
        f"{spec.training.epochs} epochs at most and scored on held-out faces of set "
        f"{spec.split.family}."
    )


def _end(state: TrialState, planned: int, whole: int, epochs: int) -> str:
    """How it ended, and how far it had come."""
    if state == TrialState.COMPLETE:
        return f"It ran to its end; fits: {whole}."
    far = f"after {whole} of {planned} fits"
    if epochs:
        far = f"after {epochs} epochs of fit {whole + 1} of {planned}"
    if state == TrialState.PRUNED:
        return f"It fell behind, so it was stopped {far}; the rest was saved for other trials."
    return f"It failed {far}:"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _command(words: Sequence[str]) -> str:
    """Broken where the dashboard's page would grow wider than a window."""
    lines = [""]
    for word in map(shlex.quote, words):
        if len(lines[-1]) + len(word) > _COLUMNS:
            lines[-1] += "\\"
            lines.append("  ")
        lines[-1] += word + " "
    return _code("\n".join(lines))


def _code(text: str) -> str:
    """Verbatim, whatever it holds."""
    return textwrap.indent(text.strip() or "-", "    ", lambda line: True)


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
