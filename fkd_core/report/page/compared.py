"""Section: two runs side by side, and their ensembles face by face."""

from __future__ import annotations

from collections.abc import Mapping

from fkd_core.ensemble.beside import APART, FEW, Beside, beside, silent
from fkd_core.evidence import Estimate
from fkd_core.inventory.recorded import differing
from fkd_core.report.page.found import Found, estimate, three
from fkd_core.report.page.plain import interval, look, named
from fkd_core.report.page.rows import Row, whiskers
from fkd_core.report.page.section import Figure, Section, table
from fkd_core.report.page.verdicts import edge, sure

AXIS = "difference of RMSE, px"


def comparison_section(run: Found, other: Found) -> Section:
    """Scores with intervals, verdicts, and options that differ."""
    both = {_name(run): run, _name(other): other}
    words = []
    one, two = _pictures(run), _pictures(other)
    if not one or not two:
        words.append("One of these runs does not tell its pictures; they may be different.")
    elif one != two:
        words.append(
            "These runs are of different pictures: a difference of scores says nothing about "
            "which did better."
        )
    else:
        words.append(
            "Both runs are of the same pictures. Intervals of scores are each run's own: "
            "overlapping ones do not show that there is no difference."
        )
    apart, why_not = _answers(run, other) if one == two and one else (None, "")
    if why_not:
        words.append(why_not)
    figures = [*_scores(both), *_apart(run, other, apart), *_verdicts(both)]
    figures += _options(run, other)
    names = list(both)
    return Section("compared", f"{names[0]} beside {names[-1]}", words, figures)


def _pictures(run: Found) -> set[str]:
    """Which its commands were asked about."""
    told = (run.made_by(name).get("pictures") for name in ("ensemble", "tuning", "augmentation"))
    return {str(each) for each in told if each}


def _name(run: Found) -> str:
    return run.places.run.name


def _scores(both: Mapping[str, Found]) -> list[Figure]:
    rows = []
    for number, (name, run) in enumerate(both.items()):
        for row in run.tables.get("score", ()):
            if row["arm"] in ("ensemble", "mean", "best_member"):
                value, low, high = estimate(row, "score")
                told = f"{interval(value, low, high)} px"
                colour = f"s{number}"
                rows.append(
                    Row(f"{name}: {row['arm'].replace('_', ' ')}", value, low, high, colour, told)
                )
        for row in run.tuned:
            value, low, high = three(row, "rmse", "low", "high")
            label = f"{name}: {row['model']}, {row['pipeline']}"
            told = f"{interval(value, low, high)} px"
            rows.append(Row(label, value, low, high, f"s{number}", told))
    if not rows:
        return []
    chart = whiskers(rows, "RMSE, px", "scores of two runs")
    return [Figure("Scores on set final", chart, "RMSE with 95% intervals; left is better.")]


def _answers(run: Found, other: Found) -> tuple[Beside | None, str]:
    """How the ensembles err on equal faces, or why that is not told."""
    if not run.tables.get("score") or not other.tables.get("score"):
        return None, ""
    if why_not := silent({_name(each): each.said for each in (run, other)}):
        return None, why_not
    if run.competition is None:
        return None, f"{APART}the faces cannot be read."
    found = beside(run.said, other.said, run.competition)
    return found, "" if found else FEW


def _apart(run: Found, other: Found, found: Beside | None) -> list[Figure]:
    """Differences of errors, all together and of each keypoint."""
    if found is None:
        return []
    names = f"{_name(run)} against {_name(other)}"
    rows = [_difference("all, as the competition weighs", found.whole)]
    rows += [_difference(f"{source} faces", each) for source, each in found.sources.items()]
    counted = " and ".join(f"{n} {source} faces" for source, n in found.faces.items())
    figures = [
        Figure(
            f"{names}, face by face",
            whiskers(rows, AXIS, "differences of errors on equal faces", zero=True),
            f"What the RMSE of {_name(run)} is above that of {_name(other)} on the {counted} of "
            f"set final that both answered, with 95% intervals; left of 0, {_name(run)} errs "
            f"less. Both are scored on the labels of {_name(run)}.",
        )
    ]
    for source, each in found.keypoints.items():
        ranked = sorted(each.items(), key=lambda item: item[1].value)
        rows = [_difference(name.replace("_", " "), value) for name, value in ranked]
        figures.append(
            Figure(
                f"{names}, each keypoint of {source} faces",
                whiskers(rows, AXIS, f"differences by keypoint on {source} faces", zero=True),
                "Each interval speaks of its keypoint alone: among many, some miss 0 by chance.",
                folded=True,
            )
        )
    return figures


def _difference(label: str, found: Estimate) -> Row:
    value, low, high = found.value, found.low, found.high
    told = f"{interval(value, low, high, signed=True)} px"
    return Row(label, value, low, high, sure(low, high), told)


def _verdicts(both: Mapping[str, Found]) -> list[Figure]:
    figures = []
    for pipeline in dict.fromkeys(p for run in both.values() for p in run.verdicts):
        rows = [
            Row(
                f"{named(v.transform)} ({name})", v.effect, v.low, v.high, look(v.verdict),
                f"{interval(v.effect, v.low, v.high, signed=True)} {v.verdict}".strip(),
            )
            for transform in dict.fromkeys(
                v.transform for run in both.values() for v in run.verdicts.get(pipeline, ())
            )
            for name, run in both.items()
            for v in run.verdicts.get(pipeline, ())
            if v.transform == transform
        ]  # fmt: skip
        confirmed = [v for run in both.values() for v in run.verdicts.get(pipeline, ()) if v.pairs]
        end = edge(confirmed)
        chart = whiskers(rows, "change of RMSE, px", "verdicts of two runs", zero=True, edge=end)
        figures.append(Figure(f"Augmentations on {pipeline} faces", chart))
    return figures


def _options(run: Found, other: Found) -> list[Figure]:
    rows = differing(run.configs, other.configs)
    if not rows:
        return []
    columns = ("command", "option", _name(run), _name(other))
    return [Figure("Options that differ", table(columns, rows, words=4))]
