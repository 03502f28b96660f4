"""audit_labels.py: what it asks for, and the whole way from opinions to a measured correction."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_runs import knowing

from fkd_core.data.demo import demo_folder
from fkd_core.data.faces import Faces
from fkd_core.data.kaggle import load_competition
from fkd_core.errors import UserError
from fkd_core.experiments.audit_labels import AuditLabels, cascade, main, members, rests_on
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import PIPELINES, SOURCES
from search_spaces import audit, best_recipe

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("options", [{"shown": 0}, {"seeds": 0}, {"epochs": 0}])
def test_what_cannot_be_is_named(options: dict[str, Any], tmp_path: Path) -> None:
    (name,) = options
    with pytest.raises(UserError, match=f"--{name}: 0 is too few"):
        AuditLabels(results=tmp_path, **options).check()


@pytest.mark.parametrize("preset", ["smoke", "quick", "full"])
def test_unlike_members_judge_and_the_cascade_is_the_best_recipes(
    preset: Any, tmp_path: Path, faces: Faces
) -> None:
    options = AuditLabels(results=tmp_path, preset=preset)
    judges = members(options, faces)
    assert [each.name for each in judges[-2:]] == ["joint-lenet5", "joint-plain16+conv5"]
    assert [each.spec for each in judges[:-2]] == best_recipe.members(preset, len(faces) * 4 // 5)
    assert {each.folds for each in judges} == {audit.FOLDS}
    assert cascade(options, faces) == judges[0]
    short = members(AuditLabels(results=tmp_path, preset=preset, epochs=2), faces)
    assert {s.training.epochs for each in short for s in each.spec.stages} == {2}


def test_where_one_annotator_is_alone_its_faces_teach_all_who_judge(
    tmp_path: Path, faces: Faces
) -> None:
    alone = faces.take(np.flatnonzero(faces.of_mask(PIPELINES["partial"])))
    judges = members(AuditLabels(results=tmp_path, preset="smoke"), alone)
    assert {s.pipeline for each in judges for s in each.spec.stages} == {"partial"}


def test_what_an_audit_rests_on_are_all_stages_of_who_judges_and_of_every_arm(
    tmp_path: Path, faces: Faces
) -> None:
    options = AuditLabels(results=tmp_path, preset="smoke")
    judges, fits = members(options, faces), options.fits(faces)
    alone = rests_on(options, judges, {"given": faces})
    stages = {stage for each in judges for fit in each.fits for stage in fit.stages}
    assert {*alone.fits} == {*map(fits.key, stages)}
    other = faces.take(np.arange(len(faces) - 1))
    both = rests_on(options, judges, {"given": faces, "corrected": other})
    arm = [stage for fit in cascade(options, faces).fits for stage in fit.stages]
    assert {*both.fits} == {*alone.fits, *map(options.fits(other).key, arm)}
    assert both.weights == both.fits


@pytest.mark.slow
def test_labels_are_ranked_and_their_correction_is_measured(
    tmp_path: Path,
    drawn: Path,
    backend: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if backend != "tensorflow":
        pytest.skip("the networks that judge are trained under TensorFlow")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(audit, "FOLDS", 2)
    demo = demo_folder(knowing(drawn, tmp_path) / "cache" / "demo")
    faces = load_competition(demo, tmp_path / "cache" / "faces").training
    with open(demo / "demo_truth.csv", newline="") as file:
        meant = list(csv.DictReader(file))
    where = {str(row): at for at, row in enumerate(faces.row)}
    lines = ["image,keypoint,x,y,version,source,row,reason"]
    for each in meant:
        at = where[each["row"]]
        image = hashlib.sha256(np.asarray(faces.images[at]).tobytes()).hexdigest()
        for name in KEYPOINTS:
            x, y = (each[f"{name}_{axis}"] for axis in "xy")
            if x:
                source = list(SOURCES)[faces.source[at]]
                lines.append(f"{image},{name},{x},{y},1,{source},{each['row']},")
    table = tmp_path / "label_corrections.csv"
    table.write_text("\n".join(lines) + "\n")
    main(AuditLabels(results=tmp_path, preset="smoke", epochs=1, apply=table))
    assert "What changed labels change" in capsys.readouterr().out
    folder = tmp_path / "demo" / "audit"
    with open(folder / "suspects.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(faces)
    with open(folder / "effect.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["taught"], row["scored_on"]) for row in rows] == [
        (arm, labels)
        for labels in ("undisputed", "corrected", "given")
        for arm in ("corrected", "left_out")
    ]
    for row in rows:
        low, value, high = (float(row[f"difference{end}"]) for end in ("_low", "", "_high"))
        assert low <= value <= high
        assert np.isfinite([low, high]).all()
