"""predict.py: from files on the command line to pictures and tables, and what it says."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from faces_for_tests import MEAN_FACE
from numpy.typing import NDArray
from skimage import data

from fkd_core import command
from fkd_core.ensemble.export import KINDS
from fkd_core.ensemble.predictor import MANIFEST
from fkd_core.errors import UserError
from fkd_core.experiments import predict
from fkd_core.experiments.predict import PredictOptions
from fkd_core.keypoints import KEYPOINTS
from fkd_core.photos.detector import SURE
from fkd_core.runs import Run
from fkd_core.sources import PIPELINES

ASTRONAUT = cv2.resize(
    cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR), (256, 256), interpolation=cv2.INTER_AREA
)
EYES = np.array([(120.8, 50.3), (101.3, 50.3)])
"""Her left and right eye."""


ENSEMBLE = Path("ensemble")
"""Of no interest to a predictor that says the same of every face."""


class MeanFace:
    """A predictor that says the same of every face; it knows the pipelines it was given."""

    made_by: ClassVar = {"date": "2026-02-03", "faces": 300, "preset": "smoke", "code": "1.2"}

    def __init__(self, *pipelines: str) -> None:
        self.pipelines = pipelines
        self.pipeline = min(pipelines)  # complete before partial

    def load(self, folder: Path) -> MeanFace:
        return self

    def predict(self, images: NDArray[np.uint8], pipeline: str) -> NDArray[np.float32]:
        assert pipeline in self.pipelines
        face = MEAN_FACE[list(PIPELINES[pipeline].keypoints)]
        return np.repeat(face[None], len(images), axis=0)


@pytest.fixture(autouse=True)
def _both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "Predictor", MeanFace("partial", "complete"))
    monkeypatch.setattr(predict, "sha256_of", lambda path: str(path))  # of no ensemble


def photo(path: Path, pixels: NDArray[Any] = ASTRONAUT) -> Path:
    """The pixels as an image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def run(out: Path, *photos: Path, **options: Any) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Both tables after a run."""
    predict.main(PredictOptions(photos=photos, ensemble=ENSEMBLE, out=out, **options))
    with open(out / "keypoints.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads((out / "keypoints.json").read_text(encoding="utf-8"))


def test_a_photo_gets_a_picture_and_two_tables(tmp_path: Path) -> None:
    path = photo(tmp_path / "me, [1].png")
    rows, told = run(tmp_path / "out", path)
    assert [row["keypoint"] for row in rows] == list(KEYPOINTS)
    assert {(row["file"], row["face"]) for row in rows} == {(str(path), "1")}
    points = np.array([(float(row["x"]), float(row["y"])) for row in rows])
    np.testing.assert_allclose(points[:2], EYES, atol=5)
    [file] = told["files"]
    assert file["picture"] == "me, [1]-keypoints.png"
    [face] = file["faces"]
    np.testing.assert_allclose(list(face["points"].values()), points)
    assert SURE <= face["score"] <= 1
    assert {row["style"] for row in rows} == {"complete"}
    assert abs(face["roll"]) < 8
    box = face["box"]
    assert box["left"] < points[:, 0].min() < points[:, 0].max() < box["left"] + box["side"]
    assert box["top"] < points[:, 1].min() < points[:, 1].max() < box["top"] + box["side"]
    picture = cv2.imread(str(tmp_path / "out" / file["picture"]))
    assert picture is not None
    assert picture.shape == (800, 800, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: cv2.cvtColor(p, cv2.COLOR_BGR2GRAY),
        lambda p: cv2.cvtColor(p, cv2.COLOR_BGR2BGRA),
        lambda p: p.astype(np.uint16) * 257,
    ],
    ids=["gray", "alpha", "16 bit"],
)
def test_gray_alpha_and_depth_change_nothing(change: Any, tmp_path: Path) -> None:
    rows, _ = run(tmp_path / "out", photo(tmp_path / "a.png", change(ASTRONAUT)))
    points = np.array([(float(row["x"]), float(row["y"])) for row in rows])
    np.testing.assert_allclose(points[:2], EYES, atol=5)


def test_two_faces_are_numbered(tmp_path: Path) -> None:
    rows, told = run(tmp_path / "out", photo(tmp_path / "a.png", np.hstack([ASTRONAUT] * 2)))
    assert [row["face"] for row in rows] == ["1"] * 15 + ["2"] * 15
    assert len(told["files"][0]["faces"]) == 2


def test_equal_names_of_two_folders_do_not_overwrite_each_other(tmp_path: Path) -> None:
    face = np.full((96, 96), 90, np.uint8)
    photo(tmp_path / "in" / "a" / "x.png", face)
    photo(tmp_path / "in" / "b" / "x.png", face)
    _, told = run(tmp_path / "out", tmp_path / "in")
    pictures = {file["picture"] for file in told["files"]}
    assert pictures == {"x-keypoints.png", "x-2-keypoints.png"}
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == pictures


def test_what_has_no_face_or_is_broken_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = photo(tmp_path / "good.png", np.full((96, 96), 90, np.uint8))
    blank = photo(tmp_path / "blank.png", np.full((60, 60), 90, np.uint8))
    tiny = photo(tmp_path / "tiny.png", np.full((5, 9), 90, np.uint8))
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8 and no more")
    rows, told = run(tmp_path / "out", bad, blank, tiny, good)
    assert {row["file"] for row in rows} == {str(good)}
    assert {Path(f["file"]).name: f["picture"] for f in told["files"]} == {
        "blank.png": None,
        "tiny.png": None,
        "good.png": "good-keypoints.png",
    }
    said = capsys.readouterr().out
    assert "blank.png: no face found" in said
    assert "tiny.png: too small" in said
    assert "bad.jpg is no image file that can be read, or is damaged; left out" in said
    assert "Photos read: 3. Faces found: 1." in said


def test_no_face_anywhere_is_said_and_is_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, told = run(tmp_path / "out", photo(tmp_path / "a.png", np.zeros((40, 40), np.uint8)))
    assert rows == []
    assert told["files"][0]["faces"] == []
    assert "Faces found: none." in capsys.readouterr().out
    assert not list((tmp_path / "out").glob("*.png"))


@pytest.mark.parametrize(
    ("pipelines", "chosen", "count"),
    [
        (("partial", "complete"), None, 15),
        (("partial",), None, 4),
        (("partial", "complete"), "partial", 4),
    ],
)
def test_the_complete_pipeline_is_taken_where_there_is_one(
    pipelines: tuple[str, ...],
    chosen: Any,
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predict, "Predictor", MeanFace(*pipelines))
    path = photo(tmp_path / "a.png", np.full((96, 96), 90, np.uint8))
    rows, told = run(tmp_path / "out", path, pipeline=chosen)
    assert len(rows) == count
    assert len(told["files"][0]["faces"][0]["points"]) == count


def test_a_pipeline_the_ensemble_has_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "Predictor", MeanFace("partial"))
    options = PredictOptions(
        (photo(tmp_path / "a.png"),), ensemble=ENSEMBLE, out=tmp_path, pipeline="complete"
    )
    with pytest.raises(UserError, match="has no complete, only partial"):
        predict.main(options)


def test_export_needs_no_photo_and_says_where_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Any, ...]] = []

    def export(
        folder: Path, kind: str, out: Path, pipeline: str, model: str | None, say: Any, step: Any
    ) -> Path:
        asked.append((folder, kind, out, pipeline, model))
        step("converting", 10.0)
        say(f"{out}: done")
        return out

    stand_in = SimpleNamespace(export=export, KINDS=KINDS)
    monkeypatch.setitem(sys.modules, "fkd_core.ensemble.export", stand_in)
    options = PredictOptions(ensemble=ENSEMBLE, out=tmp_path, export="onnx", model="conv5")
    options.check()
    predict.main(options)
    path = tmp_path / "conv5-complete.onnx"
    assert asked == [(ENSEMBLE, "onnx", path, "complete", "conv5")]
    assert capsys.readouterr().out.splitlines()[-2:] == ["  converting", f"{path}: done"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no photo is named"),
        (["gone.jpg"], "gone.jpg is not there"),
        (["https://a.example/b.jpg"], "https://a.example/b.jpg is an address, which is not read"),
        (["."], "no image file in ."),
        (["bad.jpg"], "none of the 1 files could be read"),
        (["bad.jpg", "--out", "bad.jpg"], "--out: bad.jpg is no folder"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if arguments[:1] == ["bad.jpg"]:
        (tmp_path / "bad.jpg").write_bytes(b"bad")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["predict.py", *arguments, "--ensemble", "there"])
    with pytest.raises(SystemExit) as stopped:
        command.run(predict.main, PredictOptions)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_the_ensemble_built_last_is_taken_or_the_one_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    face = photo(tmp_path / "a.png", np.full((96, 96), 90, np.uint8))
    options = PredictOptions((face,), results=results)
    with pytest.raises(UserError, match="build one with experiments/build_ensemble"):
        predict.main(options)
    for age, name in ((9, "photos"), (5, "demo"), (7, "unfinished")):
        run = Run(results / name).begun({"pictures": name})
        run.ensemble.mkdir()
        if name != "unfinished":
            manifest = run.ensemble / MANIFEST
            manifest.write_text("{}")
            os.utime(manifest, (1e9 - age, 1e9 - age))
    predict.main(options)
    assert (results / "demo" / "predictions" / "keypoints.csv").is_file()
    said = capsys.readouterr().out
    assert f"Ensemble: {results / 'demo' / 'ensemble'}, the one built last" in said
    assert "--run takes another: photos" in said
    predict.main(replace(options, run="photos"))
    assert (results / "photos" / "predictions" / "keypoints.csv").is_file()
    with pytest.raises(UserError, match="unfinished holds no finished ensemble; runs: demo, ph"):
        predict.main(replace(options, run="unfinished"))
    with pytest.raises(UserError, match="--run and --ensemble"):
        replace(options, run="photos", ensemble=ENSEMBLE).check()


def test_a_full_disk_is_said_before_the_ensemble_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = photo(tmp_path / "a.png", np.full((96, 96), 90, np.uint8))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_000))
    monkeypatch.setattr(predict, "Predictor", None)
    with pytest.raises(UserError, match=r"^--out: only 3 MB are free at .*; free 0\.1 GB"):
        run(tmp_path / "out", face)


def test_files_are_named_without_a_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo(Path("a.png"), np.full((96, 96), 90, np.uint8))
    photo(Path("b.png"), np.full((96, 96), 90, np.uint8))
    monkeypatch.setattr(
        sys, "argv", ["predict.py", "a.png", "b.png", "--ensemble", "there", "--out", "here"]
    )
    command.run(predict.main, PredictOptions)
    assert sorted(path.name for path in Path("here").iterdir()) == [
        "a-keypoints.png",
        "b-keypoints.png",
        "keypoints.csv",
        "keypoints.json",
        "keypoints.jsonl",
    ]


def test_a_run_that_was_stopped_keeps_what_it_found_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abc":
        photo(tmp_path / "in" / f"{name}.png", np.full((96, 96), 90, np.uint8))
    asked: list[int] = []

    class Stopping(MeanFace):
        def predict(self, images: NDArray[np.uint8], pipeline: str) -> NDArray[np.float32]:
            asked.append(len(images))
            if len(asked) == 4:
                raise KeyboardInterrupt
            return super().predict(images, pipeline)

    monkeypatch.setattr(predict, "Predictor", Stopping("complete"))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", tmp_path / "in")
    told = json.loads((tmp_path / "out" / "keypoints.json").read_text(encoding="utf-8"))
    assert [Path(file["file"]).name for file in told["files"]] == ["a.png"]
    with open(tmp_path / "out" / "keypoints.jsonl", "a", encoding="utf-8") as journal:
        journal.write('{"file": "cut')  # as kill -9 may leave it
    rows, told = run(tmp_path / "out", tmp_path / "in")
    assert sum(asked[4:]) == 4, "the first was not asked about again"
    assert [Path(file["file"]).name for file in told["files"]] == ["a.png", "b.png", "c.png"]
    assert len(rows) == 45
    asked[:] = [0] * 4
    run(tmp_path / "out", tmp_path / "in")
    assert sum(asked) == 0
    (tmp_path / "out" / "b-keypoints.png").unlink()
    photo(tmp_path / "in" / "c.png", np.full((96, 96), 200, np.uint8))
    run(tmp_path / "out", tmp_path / "in")
    assert sum(asked) == 4, "a lost picture and a changed photo are done anew"
    run(tmp_path / "out", tmp_path / "in", sure=0.5)
    assert sum(asked) == 10, "so is what was found in another way"


def test_standard_input_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = cv2.imencode(".png", np.full((96, 96), 90, np.uint8))[1].tobytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    rows, told = run(tmp_path / "out", Path("-"))
    assert len(rows) == 15
    assert told["files"][0]["picture"] == "input-keypoints.png"
    assert "standard input: 1 face" in capsys.readouterr().out


def test_frames_of_a_film_are_shots_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "film.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (96, 96))
    for _ in range(5):
        film.write(np.full((96, 96, 3), 90, np.uint8))
    film.release()
    rows, told = run(tmp_path / "out", path, every=2)
    assert [file["frame"] for file in told["files"]] == [0, 2, 4]
    assert told["files"][1]["picture"] == "film-00002-keypoints.png"
    assert {row["frame"] for row in rows} == {"0", "2", "4"}
    alone = "the first frame alone is read; --every 25"
    assert alone not in capsys.readouterr().out
    _, told = run(tmp_path / "out", path)
    assert [file["frame"] for file in told["files"]] == [0]
    assert alone in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_a_name_that_is_no_utf_8_is_escaped_wherever_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    path.write_bytes(cv2.imencode(".png", np.full((96, 96), 90, np.uint8))[1].tobytes())
    monkeypatch.setattr(
        sys, "argv", ["predict.py", str(path), "--ensemble", "e", "--out", str(tmp_path / "out")]
    )
    command.run(predict.main, PredictOptions)
    assert "\\udcff.png: 1 face" in capsys.readouterr().out
    for name in ("keypoints.csv", "keypoints.json", "keypoints.jsonl"):
        assert "udcff" in (tmp_path / "out" / name).read_text(encoding="utf-8"), name
    assert len([*(tmp_path / "out").glob("*-keypoints.png")]) == 1
