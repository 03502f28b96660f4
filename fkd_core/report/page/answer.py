"""The top of the page: what was asked, what was found, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from html import escape

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.evidence import EQUIVALENT, HARMFUL, HELPFUL, Verdict
from fkd_core.findings.scorings import in_words
from fkd_core.inventory.recorded import part_scored
from fkd_core.report.page.found import Found, cell, estimate, three
from fkd_core.report.page.labels import after_audit, labels_in_words
from fkd_core.report.page.plain import interval, listed, named, policy_in_words, px
from fkd_core.report.page.section import command_of, shown
from fkd_core.tables import Cells

EVERYTHING = ("augmentation", "tuning", "ensemble", "audit")
"""The folders that findings lie in."""


def answer(run: Found) -> str:
    """As a part of the page."""
    found = "".join(f"<li>{escape(line)}</li>" for line in findings(run))
    if not found:
        found = "<li>Nothing has been measured yet.</li>"
    why, command = following(run)
    often = f'<p class="read">{escape(in_words(run.scorings))}</p>' if run.scorings else ""
    return (
        f'<section class="answer" id="answer"><h2>What was found</h2><ul>{found}</ul>{often}'
        f"<p>{escape(why)}</p><pre><code>{shown(command)}</code></pre></section>\n"
    )


def findings(run: Found, what: Collection[str] = EVERYTHING) -> Iterator[str]:
    """One sentence or two a finding of these folders, the score first."""
    if "ensemble" in what:
        yield from _score(run)
    if "tuning" in what:
        yield from _tuning(run)
    if "augmentation" in what:
        for pipeline, verdicts in run.verdicts.items():
            yield _search(run, pipeline, verdicts)
    if "audit" in what and run.suspects:
        yield labels_in_words(run)


def following(run: Found, what: str = "") -> tuple[str, str]:
    """What to do next, after the command that wrote this folder: a sentence and its command."""
    options = run.options
    if what == "audit":
        return after_audit(run)
    if not run.verdicts and not run.tables and not run.tuned:
        return "To begin, find out which augmentations help:", command_of(
            "search_augment", options
        )
    if not run.tables.get("score"):
        if not run.tuned:
            return "Next, tune models under this policy:", command_of("tune_models", options)
        return "Next, train them on five folds and combine them:", command_of(
            "build_ensemble", options
        )
    if run.submitted:
        line = submit_line(str(run.places.run.submission), float(run.submitted["score"]))
        return "To send the predictions of the test images to Kaggle:", line
    return "To find keypoints on any photo:", command_of("predict", _results(run), "photo.jpg")


def submit_line(path: str, score: float) -> str:
    """The line that uploads a submission."""
    return (
        f"kaggle competitions submit -c facial-keypoints-detection -f {shlex.quote(path)} "
        f'-m "RMSE {score:.3f} px on held-out faces"'
    )


def _results(run: Found) -> dict[str, str]:
    return {"results": str(run.options.get("results", "results"))}


def _score(run: Found) -> Iterator[str]:
    rows = {row.get("arm", ""): row for row in run.tables.get("score", ())}
    ensemble = rows.get("ensemble")
    if ensemble is None:
        return
    told = interval(*estimate(ensemble, "score"))
    part = part_scored(ensemble)
    of = f", of {part}" if part else ""
    sentence = f"How wrong is the ensemble? By {told} px RMSE, on faces that chose nothing{of}."
    others = [
        f"{name.replace('_', ' ')} {px(cell(row, 'score'))}"
        for name, row in rows.items()
        if row is not ensemble and not name.endswith("_without_copies")
    ]
    yield f"{sentence} For comparison: {listed(others)}." if others else sentence
    if reckoned := run.submitted.get("reckoned"):
        # Fits on all faces have learned from more of them than those that were scored.
        most = "at most " if run.configs.get("ensemble", {}).get("refits") else ""
        yield (
            "The submission is the mean of several fits and should err less: "
            f"{most}{px(reckoned)} px, reckoned by how much they differ on the test images."
        )


def _tuning(run: Found) -> Iterator[str]:
    for row in run.tuned:
        told = interval(*three(row, "rmse", "low", "high"))
        gain = interval(*three(row, "gain", "gain_low", "gain_high"), signed=True)
        against = (
            f"; against the reference's configuration {gain} px"
            if gain
            else "; nothing that was tried beat the reference's configuration"
        )
        yield (
            f"How good can {row['model']} get on {row['pipeline']} faces? {told} px RMSE after "
            f"{row['trials']} trials, on faces that chose nothing{against}."
            f"{_sureness(run.candidates.get((row['pipeline'], row['model']), ()))}"
        )


def _sureness(met: Sequence[Cells]) -> str:
    """How probable it is that the winner is the best of those that came to set confirm."""
    best = cell(met[0], "best") if len(met) > 1 else None
    if best is None:
        return ""
    winner = met[0]["configuration"].replace("reference", "the reference")
    return (
        f" That {winner} is the best of the {len(met)} that came to set confirm "
        f"has a probability of {best:.0%}."
    )


def _search(run: Found, pipeline: str, verdicts: Sequence[Verdict]) -> str:
    control = [v for v in verdicts if _is_control(v)]
    asked = [v for v in verdicts if not _is_control(v)]
    parts = [f"Which augmentations help on {pipeline} faces? Of {len(asked)} tried,"]
    groups = []
    for verdict, words in (
        (HELPFUL, "helpful"), (EQUIVALENT, "too small to matter"), (HARMFUL, "harmful"),
    ):  # fmt: skip
        among = sorted((v for v in asked if v.verdict == verdict), key=lambda v: v.effect or 0.0)
        if among:
            told = [f"{named(v.transform)} ({px(v.effect, signed=True)} px)" for v in among]
            groups.append(f"{words}: {listed(told)}")
    sure = {HELPFUL, EQUIVALENT, HARMFUL}
    left = sum(v.verdict not in sure for v in asked)
    if left:
        groups.append(f"{left} stay{'s' if left == 1 else ''} undecided")
    parts.append("; ".join(groups or ["none"]) + ".")
    for v in control:
        if v.verdict != HARMFUL:
            parts.append(
                "The control that is known to do harm was not found harmful: do not trust the "
                "other verdicts of this run."
            )
    if pipeline in run.policies:
        parts.append(f"The policy now: {policy_in_words(run.policies[pipeline][0])}")
    for row in run.meetings.get(pipeline, ()):
        if row.get("set") == "final":
            change = interval(*three(row, "effect", "low", "high"), signed=True)
            parts.append(f"On faces that chose nothing it changes the RMSE by {change} px.")
    return " ".join(parts)


def _is_control(verdict: Verdict) -> bool:
    known = TRANSFORMS.get(verdict.transform)
    return known is not None and not known.candidate
