"""Tables of runs: what each holds, its verdicts and scores, and two side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.filesize import decimal

from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.ensemble.beside import Beside
from fkd_core.evidence import Estimate
from fkd_core.inventory import KeptRun
from fkd_core.inventory.recorded import Configs, Interval, differing, scores, verdicts
from fkd_core.report.inventory import row, when
from fkd_core.report.sheet import Sheet
from fkd_core.tables import Cells


def run_sheet(runs: Sequence[KeptRun]) -> Sheet:
    """One row a run: its data, what it holds, and the ensemble's score."""
    rows = [
        row(
            run=run.name,
            data=run.data,
            faces=_faces(run),
            begun=str(run.begun_by.get("date", "" if run.begun_by else "run.json is damaged")),
            latest=when(run.latest.date) if run.latest else "",
            preset=", ".join(run.presets),
            holds=", ".join(part for part in run.parts if not part.startswith(".")),
            score=_estimate(scores(run.run).get("ensemble")),
            size=decimal(run.bytes),
        )
        for run in runs
    ]
    note = "score: RMSE of the ensemble on set final, px, with its 95% interval"
    return Sheet("runs", "Runs", rows, note)


def verdict_sheets(run: KeptRun) -> list[Sheet]:
    """One table a pipeline, as search_augment.py wrote it."""
    return [
        Sheet(
            f"verdicts-{pipeline}",
            f"Verdicts of {run.name} on {pipeline} faces, set confirm",
            [
                {
                    "transform": each["transform"],
                    "setting": _setting(each),
                    "verdict": each.get("verdict", ""),
                    "effect px": _effect(each),
                    "p (Holm)": _number(each.get("p_holm")),
                    "pairs": each.get("pairs", ""),
                }
                for each in rows
            ],
            "effect: difference in RMSE to no augmentation, with its 95% interval",
        )
        for pipeline, rows in verdicts(run.run).items()
    ]


def score_sheet(run: KeptRun) -> Sheet:
    """The ensemble, what it is compared with, and tuned models."""
    rows = [row(what=name, RMSE=_estimate(found)) for name, found in scores(run.run).items()]
    return Sheet("scores", f"Scores of {run.name} on set final, px", rows)


def comparison(one: KeptRun, other: KeptRun, apart: Beside | None = None) -> list[Sheet]:
    """Two runs side by side: what they are of, verdicts, scores, and what differs in options; with
    how their ensembles err on equal faces, that too."""
    sheets = [run_sheet([one, other])]
    mine, theirs = verdicts(one.run), verdicts(other.run)
    for pipeline in dict.fromkeys((*mine, *theirs)):
        sheets.append(
            _side_by_side(pipeline, one, other, mine.get(pipeline, []), theirs.get(pipeline, []))
        )
    a, b = scores(one.run), scores(other.run)
    rows = [
        {"arm": name, one.name: _estimate(a.get(name)), other.name: _estimate(b.get(name))}
        for name in dict.fromkeys((*a, *b))
    ]
    note = "" if same_pictures(one, other) else "Of other pictures: not to be subtracted."
    sheets.append(Sheet("scores", "Scores on set final, px", rows, note))
    if apart is not None:
        sheets.append(_apart(one, other, apart))
    options = [
        {"command": command, "option": option, one.name: x, other.name: y}
        for command, option, x, y in differing(_configs(one), _configs(other))
    ]
    sheets.append(Sheet("options", "What differs in their options", options))
    return [sheet for sheet in sheets if sheet.rows]


def _apart(one: KeptRun, other: KeptRun, found: Beside) -> Sheet:
    told = {"all, as the competition weighs": (sum(found.faces.values()), found.whole)}
    told |= {f"{source} faces": (n, found.sources[source]) for source, n in found.faces.items()}
    rows = [
        {"on": on, "faces": n, f"{one.name} - {other.name}": estimate}
        for on, (n, estimate) in told.items()
    ]
    return Sheet(
        "apart",
        "The ensembles on equal faces of set final, px",
        rows,
        f"Difference of RMSE with its 95% interval, face by face on the labels of {one.name}: "
        f"below 0, {one.name} errs less.",
    )


def _configs(run: KeptRun) -> Configs:
    return {outcome.folder.name: outcome.config for outcome in run.outcomes}


def same_pictures(one: KeptRun, other: KeptRun) -> bool:
    """Whether both are of the same pictures, as far as they tell."""
    mine = one.begun_by.get("pictures")
    return mine is not None and mine == other.begun_by.get("pictures")


def _side_by_side(
    pipeline: str, one: KeptRun, other: KeptRun, mine: Sequence[Cells], theirs: Sequence[Cells]
) -> Sheet:
    a = {each["transform"]: each for each in mine}
    b = {each["transform"]: each for each in theirs}
    rows = [
        {
            "transform": name,
            one.name: _verdict(a.get(name)),
            other.name: _verdict(b.get(name)),
            "agree": _agreement(a.get(name), b.get(name)),
        }
        for name in dict.fromkeys((*a, *b))
    ]
    return Sheet(f"verdicts-{pipeline}", f"Verdicts on {pipeline} faces", rows)


def _verdict(found: Cells | None) -> str:
    """Setting, verdict and effect in one cell."""
    if found is None:
        return ""
    told = [found.get("verdict", ""), _setting(found), _effect(found)]
    return ", ".join(each for each in told if each)


def _agreement(one: Cells | None, other: Cells | None) -> str:
    if one is None or other is None:
        return ""
    return "yes" if one.get("verdict") == other.get("verdict") else "no"


def _setting(found: Cells) -> str:
    strength, transform = _number(found.get("strength")), TRANSFORMS.get(found["transform"])
    if strength is None:
        return ""
    return transform.describe(strength) if transform else f"{strength:g}"


def _effect(found: Cells) -> str:
    effect, low, high = (_number(found.get(name)) for name in ("effect", "low", "high"))
    if effect is None or low is None or high is None:
        return ""
    return f"{effect:+.3f} ({low:+.3f}..{high:+.3f})"


def _estimate(found: Interval | None) -> Estimate | None:
    return Estimate(*found) if found else None


def _number(cell: str | None) -> float | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        return None


def _faces(run: KeptRun) -> int | None:
    found = run.begun_by.get("faces")
    return found if isinstance(found, int) else None
