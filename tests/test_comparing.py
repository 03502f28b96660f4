"""results.py --compare sets two ensembles face to face, or says why it does not."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from faces_for_tests import tiny_faces

from fkd_core import command
from fkd_core.data.folds import set_of
from fkd_core.data.kaggle import load_competition
from fkd_core.ensemble.said import PREDICTIONS, Said, write_said
from fkd_core.experiments import results as page
from fkd_core.keypoints import COLUMNS
from fkd_core.runs import Run

ROW = "│ all, as the competition weighs │"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with the runs near, whose ensemble misses every coordinate by 1 px, and
    far, by 1.5 px; and the faces beside it."""
    folder = tmp_path_factory.mktemp("made")
    with open(folder / "training.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*COLUMNS, "Image"])
        # No two pictures of noise are alike, so each is a group of its own.
        images = np.random.default_rng(0).integers(0, 256, (60, 96, 96))
        for points, image in zip(tiny_faces(60, 0).points, images, strict=True):
            cells = ["" if np.isnan(v) else f"{v}" for v in points.reshape(-1)]
            lines.writerow([*cells, " ".join(map(str, image.reshape(-1)))])
    read = load_competition(folder, folder / "results" / "cache" / "faces").training
    made_by = {"pictures": read.pictures[:16], "faces": len(read)}
    for name, off in (("near", 1.0), ("far", 1.5)):
        run = Run(folder / "results" / name).begun(made_by)
        run.ensemble.mkdir()
        run.score.write_text(f"arm,score,score_low,score_high\nensemble,{off},{off},{off}\n")
        config = {"options": {"data": str(folder)}, "made_by": made_by}
        (run.ensemble / "config.json").write_text(json.dumps(config))
        half = Said(
            read.row, set_of(read.group) == "final", np.nan_to_num(read.points) + np.float32(off),
            np.array(["lenet5"]), np.eye(1, dtype=np.float32), np.empty(0), np.empty(0),
        )  # fmt: skip
        write_said(run.ensemble, {"complete": half})
    return folder


def compared(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    monkeypatch.setattr(page.console, "width", 160)
    words = ["results.py", "--results", str(results), "--compare", "near", "far"]
    monkeypatch.setattr(sys, "argv", words)
    command.run(page.main, page.Results)
    return capsys.readouterr().out


def test_the_difference_is_told_with_the_number_of_faces(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = compared(made / "results", monkeypatch, capsys)
    (line,) = [line for line in said.splitlines() if ROW in line]
    faces = load_competition(made, made / "results" / "cache" / "faces").training
    number = int((set_of(faces.group) == "final").sum())
    assert [cell.strip() for cell in line.split("│")[2:4]] == [
        str(number), "-0.500 (-0.500..-0.500)",
    ]  # fmt: skip
    assert "below 0, near errs less" in said


def test_what_stands_in_the_way_is_said(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    shutil.copytree(made / "results", results)
    config = results / "near" / "ensemble" / "config.json"
    told = config.read_text()
    config.write_text(told.replace(str(made), str(tmp_path / "gone")))
    said = compared(results, monkeypatch, capsys)
    assert "not compared face by face: " in said
    assert str(tmp_path / "gone") in said.replace("\n", "")
    assert ROW not in said
    config.write_text(told)
    (results / "far" / "ensemble" / PREDICTIONS).unlink()
    said = compared(results, monkeypatch, capsys)
    assert "not compared face by face: far kept no answers;" in said
    (results / "far" / "run.json").write_text('{"made_by": {"pictures": "other"}}')
    said = compared(results, monkeypatch, capsys)
    assert "Of other pictures: not to be subtracted." in said
    assert "face by face" not in said
