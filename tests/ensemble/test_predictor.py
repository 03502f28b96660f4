"""A saved ensemble predicts the same anywhere, and nothing damaged is predicted with."""

from __future__ import annotations

import doctest
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_ensemble import half, images, member

from fkd_core.ensemble import predictor as predictor_module
from fkd_core.ensemble.predictor import FORMAT, MANIFEST, Predictor, save
from fkd_core.ensemble.stacking.features import Inputs
from fkd_core.ensemble.trained import Half, TrainedFit, TrainedMember
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError
from fkd_core.fitting.predict import predict
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import SOURCES

ROOT = Path(__file__).parents[2]
MADE_BY = {"command": "experiments/build_ensemble.py", "code": "0.1.0+abc", "seed": 0}
WEIGHTS = "complete/lenet5/seed0-fold1.npz"


@pytest.fixture(scope="module")
def crossed(backend: str) -> tuple[Half, ...]:
    return tuple(half(name, stacker="ridge", crossed=True, backend=backend) for name in SOURCES)


@pytest.fixture(scope="module")
def saved(crossed: tuple[Half, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensemble")
    save(folder, crossed, tta="mirror", made_by=MADE_BY)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "ensemble"))


def by_hand(one: TrainedMember, shown: Any, tta: str) -> Any:
    """[n, 2p] px: each fit's model built anew, each view undone, and all of them averaged."""
    said = [
        view.undo(predict(fit.spec, fit.load(), view.of(shown)), fit.spec.taught)
        for fit in one.fits
        for view in VIEWS[tta]
    ]
    return np.mean(said, axis=0, dtype=np.float64).reshape(len(shown), -1)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def stamps(folder: Path) -> dict[str, int]:
    """Weights and stackers, and when each was written."""
    found = sorted(folder.rglob("*.npz"))
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in found}


@pytest.mark.parametrize(
    ("models", "tta"), [(("lenet5", "local2d"), "mirror"), (("lenet5",), "shifts")]
)
def test_a_prediction_is_the_mean_over_members_fits_and_views(
    backend: str, models: tuple[str, ...], tta: str
) -> None:
    one = half(models=models, backend=backend)
    expected = np.mean([by_hand(each, images(), tta) for each in one.members], axis=0)
    said = Predictor((one,), tta).predict(images())
    assert said.shape == (5, 15, 2)
    assert said.dtype == np.float32
    np.testing.assert_allclose(said.reshape(5, -1), expected.clip(0, 96), rtol=1e-6)


@pytest.mark.parametrize("pipeline", SOURCES)
def test_a_crossed_stacker_sees_the_members_of_both_pipelines(
    crossed: tuple[Half, ...], pipeline: str
) -> None:
    said = {
        each.pipeline: [by_hand(one, images(), "mirror") for one in each.members]
        for each in crossed
    }
    own = said.pop(pipeline)
    (other,) = said.values()
    mine = next(each for each in crossed if each.pipeline == pipeline)
    inputs = Inputs(np.stack(own, axis=1), np.concatenate(other, axis=1))
    expected = mine.stacker.predict(inputs).clip(0, 96)
    found = Predictor(crossed, "mirror").predict(images(), pipeline)
    np.testing.assert_allclose(found.reshape(5, -1), expected, rtol=1e-5)
    assert not np.allclose(expected, np.mean(own, axis=0), atol=0.1)


def test_predictions_stay_on_the_picture(backend: str) -> None:
    one = half(backend=backend)
    shifted = replace(one.stacker, intercept=np.resize([500.0, -500.0], 30))  # type: ignore[call-arg]
    said = Predictor((replace(one, stacker=shifted),)).predict(images())
    assert (said == [96, 0]).all()


def test_another_process_predicts_the_same_bits(saved: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images())
    program = (
        "import sys, pathlib, numpy as np\n"
        "from fkd_core.ensemble.predictor import Predictor\n"
        "folder = pathlib.Path(sys.argv[2])\n"
        "predictor = Predictor.load(pathlib.Path(sys.argv[1]))\n"
        "assert 'keras' not in sys.modules\n"
        "for name in predictor.pipelines:\n"
        "    said = predictor.predict(np.load(folder / 'images.npy'), name)\n"
        "    np.save(folder / f'{name}.npy', said)\n"
    )
    hidden = ("KERAS_BACKEND", "OMP_NUM_THREADS")
    run = subprocess.run(
        [sys.executable, "-c", program, str(saved), str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in hidden},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    predictor = Predictor.load(saved)
    assert predictor.pipelines == ("complete", "partial")
    for name in predictor.pipelines:
        there = np.load(tmp_path / f"{name}.npy")
        assert there.dtype == np.float32
        np.testing.assert_array_equal(there, predictor.predict(images(), name))


def test_a_loaded_ensemble_predicts_what_the_saved_one_does(
    saved: Path, crossed: tuple[Half, ...]
) -> None:
    expected = Predictor(crossed, "mirror").predict(images(), "partial")
    loaded = Predictor.load(saved)
    np.testing.assert_array_equal(loaded.predict(images(), "partial"), expected)
    assert loaded.made_by == MADE_BY


@pytest.mark.parametrize("pipeline", ["complete", "partial"])
def test_a_photo_gets_the_points_that_are_predicted_by_name(
    pipeline: str, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(self: Predictor, crops: NDArray[np.uint8], asked: str) -> NDArray[np.float32]:
        assert (crops.shape, asked) == ((1, 96, 96), pipeline)
        return np.arange(2 * len(keypoints), dtype=np.float32).reshape(1, -1, 2)

    keypoints = SOURCES[pipeline].keypoints
    monkeypatch.setattr(Predictor, "predict", said)
    (face,) = Predictor.load(str(saved)).photo(images(1)[0], pipeline)
    assert list(face.points) == [KEYPOINTS[k] for k in keypoints]
    assert face["right_eye_center"] == (2, 3)


def test_the_examples_do_what_they_say(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cv2.imwrite("me.png", images(1)[0])
    found = doctest.testmod(predictor_module, extraglobs={"folder": str(saved.resolve())})
    assert found.attempted >= 5
    assert found.failed == 0


def test_no_images_give_no_points(saved: Path) -> None:
    assert Predictor.load(saved).predict(images(0), "partial").shape == (0, 4, 2)


@pytest.mark.parametrize(
    ("shown", "pipeline", "complaint"),
    [
        (images().astype(np.float32), "complete", "float32"),
        (images()[..., None], "complete", "96"),
        (images()[0], "complete", "96"),
        (images()[:, :48], "complete", "48"),
        ([1, 2], "complete", "not list"),
        (images(), "profile", "only complete, partial"),
    ],
)
def test_other_images_and_unknown_pipelines_are_refused(
    saved: Path, shown: Any, pipeline: str, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        Predictor.load(saved).predict(shown, pipeline)


KERAS_BEFORE = """
import os, sys, tensorflow
assert "keras" in sys.modules
before = dict(os.environ)

import numpy as np
from fkd_core.ensemble.predictor import Predictor
from fkd_core.fitting import runtime

predictor = Predictor.load(sys.argv[1])
faces = np.zeros((2, 96, 96), np.uint8)
assert predictor.predict(faces).shape == (2, 15, 2)
assert len(predictor.photo(faces[0])) == 1
assert {k: v for k, v in os.environ.items() if k in before} == before
try:
    runtime.prepare("tensorflow", 1)
except RuntimeError as refused:
    print(refused)
"""


@pytest.mark.parametrize("threads", [None, "4,2"])
def test_it_predicts_where_keras_was_imported_before_and_fits_are_refused_as_ever(
    saved: Path, threads: str | None
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KERAS", "TF", "OMP"))}
    done = subprocess.run(
        [sys.executable, "-c", KERAS_BEFORE, str(saved)],
        cwd=ROOT,
        env=environment | ({"OMP_NUM_THREADS": threads} if threads else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"OMP_NUM_THREADS={threads}; a fit wants tensorflow on 1 threads" in done.stdout


def test_a_backend_that_runs_no_ensemble_is_named(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    with pytest.raises(UserError, match="Keras runs on torch in this process"):
        Predictor.load(saved).predict(images())


def test_the_manifest_tells_what_the_ensemble_is_made_of(saved: Path) -> None:
    manifest = json.loads((saved / MANIFEST).read_text())
    assert manifest["format"] == FORMAT
    assert manifest["made_by"] == MADE_BY
    assert manifest["tta"] == "mirror"
    assert {"python", "keras", "numpy"} <= manifest["versions"].keys()
    complete = manifest["pipelines"]["complete"]
    assert complete["feeds"] == ["complete", "partial"]
    assert complete["stacker"]["kind"] == "linear"
    first, second = complete["members"]
    assert (first["model"], second["model"]) == ("lenet5", "local2d")
    assert [(fit["seed"], fit["fold"]) for fit in first["fits"]] == [(0, 0), (0, 1)]
    fit = first["fits"][1]
    assert fit["file"] == WEIGHTS
    assert fit["sha256"] == hashlib.sha256((saved / WEIGHTS).read_bytes()).hexdigest()
    with np.load(saved / WEIGHTS, allow_pickle=False) as arrays:
        assert fit["parameters"] == sum(arrays[name].size for name in arrays.files)


def test_weights_are_read_one_fit_at_a_time_and_only_when_needed(backend: str) -> None:
    read = []

    def lazy(fit: TrainedFit) -> TrainedFit:
        def load() -> Any:
            read.append(fit.spec.split.fold)
            return fit.load()

        return TrainedFit(fit.spec, load)

    one = half(models=("lenet5",), backend=backend)
    members = tuple(TrainedMember(tuple(map(lazy, each.fits))) for each in one.members)
    predictor = Predictor((replace(one, members=members),))
    assert read == []
    expected = Predictor((one,)).predict(images())
    np.testing.assert_array_equal(predictor.predict(images()), expected)
    assert read == [0, 1]


def test_a_second_save_keeps_what_is_equal_and_deletes_what_is_stale(
    copy: Path, crossed: tuple[Half, ...]
) -> None:
    notes = copy / "complete" / "notes.npz"  # not ours
    notes.write_text("mine")
    before = stamps(copy)
    complete = crossed[0]
    fewer = replace(half(crossed=False, models=("local2d",)), members=complete.members[1:])
    save(copy, [fewer], tta="none", made_by={})
    after = stamps(copy)
    kept = {f"complete/local2d/seed0-fold{fold}.npz" for fold in (0, 1)} | {"complete/notes.npz"}
    assert after.keys() == kept | {"complete/stacker.npz"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["complete/stacker.npz"] != before["complete/stacker.npz"]
    assert not (copy / "partial").exists()
    assert Predictor.load(copy).pipelines == ("complete",)


def test_saving_an_ensemble_onto_itself_rewrites_nothing(copy: Path) -> None:
    before = stamps(copy)
    loaded = Predictor.load(copy)
    save(copy, loaded.halves, tta=loaded.tta, made_by=loaded.made_by)
    assert stamps(copy) == before
    assert Predictor.load(copy).made_by == MADE_BY


def test_an_interrupted_save_leaves_no_ensemble_and_a_later_one_tidies_up(
    copy: Path, crossed: tuple[Half, ...]
) -> None:
    def lost() -> Any:
        raise KeyboardInterrupt

    complete, partial = crossed
    broken = TrainedMember((replace(partial.members[1].fits[0], weights=lost),))
    halves = [complete, replace(partial, members=(partial.members[0], broken))]
    with pytest.raises(KeyboardInterrupt):
        save(copy, halves, tta="mirror", made_by={})
    waste = copy / "partial" / "lenet5" / ".seed0-fold0.npz.0123456789ab.part"
    waste.write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"no finished ensemble.*build_ensemble\.py"):
        Predictor.load(copy)
    save(copy, crossed, tta="mirror", made_by={})
    assert not waste.exists()
    assert Predictor.load(copy).pipelines == ("complete", "partial")


def test_a_folder_that_is_not_there_holds_no_ensemble(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.*build_ensemble\.py"):
        Predictor.load(tmp_path / "nowhere")


def test_a_future_format_is_refused(copy: Path) -> None:
    edit_manifest(copy, lambda manifest: manifest.update(format=FORMAT + 1))
    with pytest.raises(UserError, match=f"has format {FORMAT + 1}"):
        Predictor.load(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1}', '"ensemble"'])
def test_a_damaged_manifest_is_refused(copy: Path, text: str) -> None:
    (copy / MANIFEST).write_text(text)
    with pytest.raises(UserError, match=MANIFEST):
        Predictor.load(copy)


def test_an_unknown_model_in_the_manifest_is_refused(copy: Path) -> None:
    def rename(manifest: dict[str, Any]) -> None:
        manifest["pipelines"]["complete"]["members"][0]["spec"]["model"]["name"] = "lenet6"

    edit_manifest(copy, rename)
    with pytest.raises(UserError, match="lenet6"):
        Predictor.load(copy)


def test_a_stacker_of_other_members_is_refused(copy: Path) -> None:
    edit_manifest(copy, lambda manifest: manifest["pipelines"]["complete"]["members"].pop())
    with pytest.raises(UserError, match="other members"):
        Predictor.load(copy)


def test_damaged_weights_are_refused_when_they_are_read(copy: Path) -> None:
    content = bytearray((copy / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / WEIGHTS).write_bytes(content)
    predictor = Predictor.load(copy)
    with pytest.raises(UserError, match=f"{WEIGHTS} is damaged"):
        predictor.predict(images())


@pytest.mark.parametrize("file", [WEIGHTS, "partial/stacker.npz"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(UserError, match=f"{file} is missing"):
        Predictor.load(copy)


class Bomb:
    """Would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_smuggled_into_weights_is_not_run(copy: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    np.savez(copy / WEIGHTS, **{"0000": np.array([Bomb(proof)], dtype=object)})

    def seal(manifest: dict[str, Any]) -> None:
        digest = hashlib.sha256((copy / WEIGHTS).read_bytes()).hexdigest()
        manifest["pipelines"]["complete"]["members"][0]["fits"][1]["sha256"] = digest

    edit_manifest(copy, seal)
    predictor = Predictor.load(copy)
    with pytest.raises(UserError, match=f"{WEIGHTS} does not hold plain arrays"):
        predictor.predict(images())
    assert not proof.exists()


def test_parts_that_make_no_ensemble_are_refused(backend: str, tmp_path: Path) -> None:
    one = half(models=("lenet5",), backend=backend)
    twice = (one.members[0].fits[0],) * 2
    with pytest.raises(ValueError, match="same fold and seed"):
        TrainedMember(twice)
    with pytest.raises(ValueError, match="fold and seed alone"):
        TrainedMember((*one.members[0].fits, *member("local2d", backend=backend).fits))
    with pytest.raises(ValueError, match="taught something else"):
        replace(one, members=(member("lenet5", "partial", backend=backend),))
    with pytest.raises(ValueError, match="different names"):
        replace(one, members=one.members * 2)
    with pytest.raises(ValueError, match="fed by"):
        save(tmp_path, [replace(one, feeds=("complete", "partial"))], tta="none", made_by={})
    with pytest.raises(ValueError, match="tta"):
        save(tmp_path, [one], tta="rotations", made_by={})
    assert list(tmp_path.iterdir()) == []
