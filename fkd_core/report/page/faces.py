"""Sections that show faces: where points err, the worst faces, and predicted test images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import Competition
from fkd_core.ensemble.said import Said
from fkd_core.ensemble.submission import route
from fkd_core.keypoints import KEYPOINTS
from fkd_core.report.page.found import Found, cell
from fkd_core.report.page.policies import typical
from fkd_core.report.page.rows import Row, bars
from fkd_core.report.page.section import Figure, Section, command_of
from fkd_core.report.page.tiles import Tile, tiles
from fkd_core.sources import SOURCES

WORST = 18
"""Faces shown of those with the largest error."""
TESTS = 60
"""Test images shown."""


def keypoint_section(run: Found) -> Section | None:
    """RMSE of each keypoint, on a face and as bars; None without an ensemble."""
    rows = run.tables.get("keypoints", ())
    figures = []
    for source in SOURCES:
        errors = {row["keypoint"]: e for row in rows if (e := cell(row, source)) is not None}
        if not errors:
            continue
        ranked = sorted(errors.items(), key=lambda item: -item[1])
        html = bars(
            [
                Row(name.replace("_", " "), error, look="s0", beside=f"{error:.2f} px")
                for name, error in ranked
            ],
            "RMSE on set final, px",
            f"error of each keypoint on {source} faces",
        )
        if run.faces is not None and (at := typical(run.faces, source, 1)):
            html = tiles([_spread(run.faces, at[0], errors)], "error of each keypoint", 330) + html
            html = f'<div class="pair">{html}</div>'
        figures.append(
            Figure(
                f"Where points err, {source} faces",
                html,
                "On the face, a circle's radius is the RMSE of its point, true to scale.",
                run.made_by("ensemble"),
            )
        )
    return Section("keypoints", "Keypoints", (), figures) if figures else None


def _spread(faces: Faces, at: int, errors: Mapping[str, float]) -> Tile:
    points = faces.points[at]
    over = "".join(
        f'<circle class="spread" cx="{x:.1f}" cy="{y:.1f}" r="{errors[name]:.2f}"/>'
        for name, (x, y) in zip(KEYPOINTS, points, strict=True)
        if name in errors and np.isfinite([x, y]).all()
    )
    return Tile(faces.images[at], points, caption=f"row {faces.row[at]}", over=over)


def worst_section(run: Found) -> Section | None:
    """The faces with the largest error out of fold; None without an ensemble."""
    if not run.tables.get("score"):
        return None
    if not run.said or run.faces is None:
        lacking = (
            "The run's faces cannot be read; with them:"
            if run.said
            else "The ensemble kept no predictions of faces; this does, without training anew:"
        )
        command = (
            command_of("report", run.options, "--data", "FOLDER")
            if run.said
            else command_of("build_ensemble", run.options)
        )
        return Section("worst", "Worst faces", missing=[(lacking, command)])
    figures = []
    for source, half in run.said.items():
        found = _errors(run.faces, half, source)
        if found is None:
            continue
        at, error, truth = found
        order = [int(i) for i in np.argsort(-error)[:WORST]]
        keypoints = SOURCES[source].keypoints
        shown = [
            Tile(
                run.faces.images[at[i]], half.points[i], keypoints, truth[i],
                f"{error[i]:.1f} px · row {half.row[i]}{' · final' if half.final[i] else ''}",
            )
            for i in order
        ]  # fmt: skip
        quantiles = np.quantile(error, (0.5, 0.9, 0.99))
        figures.append(
            Figure(
                f"Worst {source} faces",
                tiles(shown, "predicted points and labels"),
                "Coloured dots: predicted by fits that never saw the face; white dots: labels, "
                f"joined by a line. Of {len(error)} faces half err by less than "
                f"{quantiles[0]:.2f} px, 90% by less than {quantiles[1]:.2f}, 99% by less than "
                f"{quantiles[2]:.2f}. A large error may also be a wrong label.",
                run.made_by("ensemble"),
            )
        )
    none = "None of the faces that the ensemble answered is among these; anew:"
    missing = [] if figures else [(none, command_of("build_ensemble", run.options))]
    return Section("worst", "Worst faces", (), figures, missing=missing)


def _errors(
    faces: Faces, half: Said, source: str
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[Any]] | None:
    """Positions, RMSE [n] and labels [n, p, 2] of the faces; None where they are others."""
    order = np.argsort(faces.row)
    place = np.searchsorted(faces.row, half.row, sorter=order)
    if (place >= len(order)).any():
        return None
    at = order[place]
    if not np.array_equal(faces.row[at], half.row):
        return None
    truth = faces.points[at][:, list(SOURCES[source].keypoints)]
    labelled = np.isfinite(truth)
    squared = np.where(labelled, (half.points - truth) ** 2, 0.0).sum(axis=(1, 2))
    return at, np.sqrt(squared / np.maximum(labelled.sum(axis=(1, 2)), 1)), truth


def test_section(run: Found) -> Section | None:
    """A sheet of predicted test images; None where there are none."""
    competition = run.competition
    if not run.said or competition is None or competition.test_images is None:
        return None
    assert competition.test_ids is not None
    styles = _styles(competition)
    ids = competition.test_ids
    place = np.unique(np.linspace(0, len(ids) - 1, min(TESTS, len(ids))).astype(int))
    shown = []
    for i in place:
        source = styles.get(int(ids[i]), "")
        half = run.said.get(source) or next(iter(run.said.values()))
        known = np.flatnonzero(half.test_id == ids[i])
        if len(known) and len(half.test):
            keypoints = SOURCES[source if source in run.said else next(iter(run.said))].keypoints
            points = half.test[known[0]]
            shown.append(Tile(competition.test_images[i], points, keypoints, caption=f"{ids[i]}"))
    if not shown:
        return None
    figure = Figure(
        f"{len(shown)} of {len(ids)} test images",
        tiles(shown, "predicted test image", 104),
        "As the ensemble answers them; numbers are ImageIds. Nobody knows their labels here: "
        "look for dots that lie beside eyes, nose or mouth.",
        run.made_by("ensemble"),
    )
    return Section("tests", "Predicted test images", (), [figure])


def _styles(competition: Competition) -> Mapping[int, str]:
    """ImageId to the source in whose style it is answered."""
    return {} if competition.lookup is None else route(competition.lookup)
