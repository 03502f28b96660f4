"""Benchmarks run: one on bare machines, those of ensembles on the demo faces."""

from __future__ import annotations

import csv
import importlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from browser_for_tests import BROWSER
from faces_for_tests import tiny_faces
from PIL import Image
from short_runs import knowing

from fkd_core.data.demo import demo_folder
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, set_of, split
from fkd_core.data.kaggle import load_competition
from fkd_core.ensemble.predictor import save
from fkd_core.ensemble.said import Said, write_said
from fkd_core.errors import UserError
from fkd_core.findings.provenance import provenance
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.predict import predict
from fkd_core.fitting.result import FitResult, from_record
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.keypoints import KEYPOINTS
from fkd_core.models import MODELS
from fkd_core.photos.frames import Frame
from fkd_core.running.simulated import outcome, simulated_faces
from fkd_core.runs import Run
from fkd_core.sources import PIPELINES, SOURCES

ROOT = Path(__file__).parents[1]
HERE = Path(np.__file__).parents[1]
BARE = (
    "numpy", "keras", "jax", "ml_dtypes", "opt_einsum", "scipy", "absl", "rich", "namex", "h5py",
    "optree", "packaging", "markdown_it", "mdurl", "pygments", "typing_extensions.py",
)  # fmt: skip
"""What a machine with NumPy, Keras and JAX alone has, with what these need."""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The folder of packages of such a machine."""
    folder = tmp_path / "packages"
    folder.mkdir()
    found = [*(HERE / name for name in BARE), *HERE.glob("*.libs"), *HERE.glob("jaxlib*")]
    for path in found:
        (folder / path.name).symlink_to(path)
    return folder


def alone(
    bare: Path, name: str, *told: str, at: Path = ROOT, **more: str
) -> subprocess.CompletedProcess[str]:
    """The benchmark, run on such a machine from this checkout, which is not installed there."""
    return subprocess.run(
        [sys.executable, "-S", str(ROOT / "benchmarks" / f"{name}.py"), *told],
        cwd=at,
        env=os.environ | more | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(bare)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["fit_all_models", "gpu_packing"])
def test_a_checkout_that_is_not_installed_starts(name: str, bare: Path, tmp_path: Path) -> None:
    done = alone(bare, name, "--help", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--batch-size" in done.stdout


@pytest.mark.slow
def test_all_models_can_be_fitted_with_keras_and_one_backend_alone(
    tmp_path: Path, bare: Path
) -> None:
    pytest.importorskip("jax")
    faces = tiny_faces()
    names = ("images", "points", "source", "group", "row")
    np.savez(tmp_path / "faces.npz", **{name: getattr(faces, name) for name in names})
    told = ["--data", str(tmp_path / "faces.npz"), "--out", str(tmp_path / "out.csv")]
    told += ["--epochs", "1", "--batch-size", "16"]
    for models, already in ((["lenet5"], False), (["lenet5", "conv5"], True)):
        done = alone(bare, "fit_all_models", *told, "--models", *models)
        assert done.returncode == 0, done.stderr
        assert ("lenet5: already in" in done.stdout) is already
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["lenet5", "conv5"]
    for row in rows:
        assert row["backend"] == "jax"
        assert float(row["images_per_second"]) > 0
        assert float(row["rmse"]) > 0
        assert not row["note"]


def test_rules_of_search_are_compared_at_equal_cost(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/search_rules.py", "--whole", "12", "--seeds", "1"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "search_rules.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sampler"], row["pruner"]) for row in rows] == [
        ("random", "none"), ("random", "halving"), ("TPE", "none"), ("TPE", "halving")
    ]  # fmt: skip
    assert [row["pruned"] == "0" for row in rows] == [True, False, True, False]
    for none, halving in (rows[:2], rows[2:]):
        assert int(halving["trials"]) > int(none["trials"]), "what is saved is spent on others"
    assert all(float(row["above_the_lowest_px"]) >= 0 for row in rows)


def test_planted_mistakes_are_counted_among_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "demo" / "audit"
    folder.mkdir(parents=True)
    rows = [
        f"{n},{row},{score},shifted" for n, (row, score) in enumerate([(7, 3), (2, 1), (9, -1)])
    ]
    (folder / "suspects.csv").write_text("\n".join(["rank,row,score,reason", *rows]))
    (tmp_path / "truth.csv").write_text("row,wrong\n7,moved\n9,moved\n11,lost\n")
    command = [sys.executable, "benchmarks/audit_demo.py", "--results", str(tmp_path)]
    done = subprocess.run(
        [*command, "--truth", str(tmp_path / "truth.csv")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cells = [line.split("│")[1:-1] for line in done.stdout.splitlines() if line.startswith("│")]
    found = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in cells}
    assert found["as many as are planted"] == ["3", "2", "0.667", "0.667"]
    assert found["all that are flagged"] == ["2", "1", "0.500", "0.333"]
    assert found["11"][2] == "not among the faces"


@pytest.mark.slow
def test_the_gpus_recipe_runs_with_keras_and_one_backend_alone(tmp_path: Path, bare: Path) -> None:
    pytest.importorskip("jax")
    (bare / "cv2").symlink_to(HERE / "cv2")
    faces = tiny_faces()
    names = ("images", "points", "source", "group", "row")
    asked = np.arange(len(KEYPOINTS), dtype=np.int8)  # x of every point of one image, and of ...
    some = asked[list(SOURCES["partial"].keypoints)]  # ... the four points of another
    task = {f"faces.{name}": getattr(faces, name) for name in names} | {
        "test_images": faces.images[:2],
        "test_ids": np.array([1, 2], np.int32),
        "lookup.row_id": np.arange(len(asked) + len(some), dtype=np.int32),
        "lookup.image_id": np.repeat([1, 2], [len(asked), len(some)]).astype(np.int32),
        "lookup.keypoint": np.concatenate([asked, some]),
        "lookup.axis": np.zeros(len(asked) + len(some), np.int8),
    }
    np.savez(tmp_path / "task.npz", allow_pickle=False, **task)
    small = ["--folds", "2", "--at-once", "1", "--pictures", "1e-4", "--width", "4"]
    small += ["--precision", "float32"]
    small += ["--data", "task.npz", "--out", "out"]
    hasty = "--xla_backend_optimization_level=0"
    done = alone(bare, "best_on_gpu", *small, at=tmp_path, XLA_FLAGS=hasty)
    assert done.returncode == 0, done.stderr
    assert ", 6/6: plain4+" in done.stdout
    assert "mean, set final, out of fold: " in done.stdout
    lines = (tmp_path / "out" / "submission.csv").read_text().splitlines()
    assert len(lines) == 1 + 15 + 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("benchmark", "options", "first", "names"),
    [
        (
            "mean_filled",
            (),
            "arm",
            ["two_specialists", "mean_filled"],
        ),
        (
            "nested_stack",
            ("--folds", "2", "--stackers", "mean", "weights"),
            "stacker",
            ["mean", "weights"],
        ),
    ],
)
def test_a_benchmark_of_ensembles_measures_every_arm(
    benchmark: str,
    options: tuple[str, ...],
    first: str,
    names: list[str],
    tmp_path: Path,
    drawn: Path,
) -> None:
    knowing(drawn, tmp_path)
    command = [sys.executable, f"benchmarks/{benchmark}.py", "--epochs", "1", "--seeds", "1"]
    done = subprocess.run(
        [*command, "--results", str(tmp_path), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with open(tmp_path / f"{benchmark}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row[first] for row in rows] == names
    figures = [float(cell) for row in rows for name, cell in row.items() if name != first and cell]
    assert np.isfinite(figures).all()


@pytest.mark.slow
def test_the_ladder_scores_every_step_on_the_same_unseen_faces_and_goes_on(
    tmp_path: Path, drawn: Path
) -> None:
    cache = knowing(drawn, tmp_path) / "cache"
    command = [sys.executable, "benchmarks/ladder.py", "--pictures", "0.01", "--final"]
    chosen = ["--results", str(tmp_path), "--steps", "specialists", "joint"]

    def run(*options: str) -> tuple[str, list[dict[str, str]]]:
        done = subprocess.run(
            [*command, *chosen, *options], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        with open(tmp_path / "ladder.csv", newline="") as file:
            return done.stdout, list(csv.DictReader(file))

    _, first = run()
    assert [row["step"] for row in first] == ["specialists", "joint"]
    assert [row["gain"] != "" for row in first] == [False, True]
    assert all(float(row["final"]) > 0 for row in first)

    store = FitStore(tmp_path / "fits")
    results = [from_record(s.record, s.arrays) for r in store.rows() if (s := store.get(r["key"]))]
    (joint,) = (r for r in results if isinstance(r, FitResult) and r.spec.pipeline == "joint")
    faces = load_competition(demo_folder(cache / "demo"), cache / "faces").training
    source = dict(zip(faces.row.tolist(), faces.source.tolist(), strict=True))
    decides = set_of(joint.group) != "final"
    for number, name in enumerate(("complete", "partial")):
        own = decides & np.array([source[row] == number for row in joint.row.tolist()])
        rmse = np.sqrt(joint.squared[own].sum() / (2 * joint.labelled[own].sum()))
        assert float(first[1][name]) == pytest.approx(rmse, rel=1e-4)

    shown, again = run("mirror", "--dry-run")
    assert "3 fits are missing" in shown
    assert again == first, "what is kept is shown, and no more is trained"


@pytest.mark.slow
def test_the_detector_is_measured_at_every_turn(tmp_path: Path, drawn: Path) -> None:
    knowing(drawn, tmp_path)
    command = [sys.executable, "benchmarks/detect_faces.py", "--scenes", "1", "--side", "300"]
    done = subprocess.run(
        [*command, "--results", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "24 scenes of 300 px" in done.stdout
    with open(tmp_path / "detect_faces.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["faces"]) for row in rows) >= 24
    assert all(0 <= float(row["found"]) <= 1 for row in rows)


def test_a_detector_that_is_not_there_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setitem(sys.modules, "mtcnn", None)  # as where it is not installed
    others = importlib.import_module("other_detectors").others
    for which, told in (("mtcnn", "mtcnn cannot be used"), ("none.onnx", "there is no file none")):
        with pytest.raises(UserError, match=told):
            others(which)


@pytest.mark.slow
def test_crops_are_planted_and_found_and_the_claims_are_drawn(tmp_path: Path, drawn: Path) -> None:
    knowing(drawn, tmp_path)
    done = subprocess.run(
        [sys.executable, "benchmarks/find_duplicates.py", "--plants", "20", "--results", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "find_duplicates.csv", newline="") as file:
        found = {row["kind"]: float(row["found"]) for row in csv.DictReader(file)}
    assert min(found.values()) >= 0.9
    with open(tmp_path / "pairs.csv", newline="") as file:
        claimed = list(csv.DictReader(file))
    assert len(claimed) >= 12, "the demo holds twins"
    likeness = [float(row["likeness"]) for row in claimed]
    assert likeness == sorted(likeness)
    assert (tmp_path / "pairs.png").stat().st_size > 10_000


def test_the_parts_of_an_ensembles_error_are_told_with_the_labels_own(
    tmp_path: Path, drawn: Path
) -> None:
    knowing(drawn, tmp_path)
    folder, rng = demo_folder(tmp_path / "cache" / "demo"), np.random.default_rng(0)
    faces = load_competition(folder, tmp_path / "cache" / "faces").training
    final = set_of(faces.group) == "final"
    halves = {}
    for number, source in enumerate(SOURCES):
        own = faces.source == number
        truth = faces.points[own][:, PIPELINES[source].keypoints]
        off = rng.normal(0, 0.5, truth.shape)
        off[:, 0] += 2.0  # of the first keypoint, in x and y
        none = np.empty(0, np.int32)
        halves[source] = Said(
            row=faces.row[own],
            final=final[own],
            points=(truth + off).astype(np.float32),
            members=np.array(["one"]),
            correlation=np.ones((1, 1), np.float32),
            test_id=none,
            test=np.empty((0, *truth.shape[1:]), np.float32),
        )
    run = Run(tmp_path / "demo").begun(provenance("smoke", 0, faces))
    ensemble = run.ensemble
    ensemble.mkdir()
    write_said(ensemble, halves)
    done = subprocess.run(
        [sys.executable, "benchmarks/error_parts.py", "--results", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with open(ensemble / "error_by_keypoint.csv", newline="") as file:
        first, other, *_ = csv.DictReader(file)
    assert float(first["rmse"]) == pytest.approx(np.hypot(2.0, 0.5), rel=0.03)
    assert float(first["bias_x"]) == pytest.approx(2.0, abs=0.15)
    assert float(other["rmse"]) == pytest.approx(0.5, rel=0.15)
    assert float(first["share_of_squared_error"]) > 0.5
    with open(ensemble / "error_by_face.csv", newline="") as file:
        for row in csv.DictReader(file):
            assert 0.01 < float(row["worst_1"]) < float(row["worst_25"]) < 0.5


@pytest.mark.filterwarnings("ignore")
def test_exported_models_are_weighed_timed_and_scored(
    faces: Faces, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend != "tensorflow":
        pytest.skip("models are exported under TensorFlow")
    for folder in ("benchmarks", "tests/ensemble"):
        monkeypatch.syspath_prepend(ROOT / folder)
    import exported
    from tiny_ensemble import member, plain_mean

    run = Run(tmp_path / "demo").begun(provenance("smoke", 0, faces))
    save(run.ensemble, [plain_mean([member("lenet5")])], tta="none", made_by={})
    given = SimpleNamespace(training=faces)
    monkeypatch.setattr("held_back.demo_folder", lambda folder: folder)
    monkeypatch.setattr("held_back.load_competition", lambda data, cache: given)
    exported.main(exported.Exported(results=tmp_path))
    with open(run.ensemble / "exported.csv", newline="") as file:
        whole, halved = csv.DictReader(file)
    assert float(whole["mb"]) == pytest.approx(2 * float(halved["mb"]), rel=0.2)
    assert float(whole["rmse"]) == pytest.approx(float(halved["rmse"]), abs=0.1)
    assert int(whole["faces"]) > 0
    assert float(whole["ms_a_face"]) > 0


@pytest.mark.skipif(BROWSER is None, reason="no browser is here")
def test_the_readmes_picture_is_drawn_and_says_what_made_it(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("benchmarks", "tests/report/page"):
        monkeypatch.syspath_prepend(ROOT / folder)
    import draw_forest
    from made_up_run import searched

    searched(tmp_path, faces)
    draw_forest.main(draw_forest.Drawing(results=tmp_path, out=tmp_path / "forest.png"))
    with Image.open(tmp_path / "forest.png") as picture:
        assert picture.width > draw_forest.TIMES * draw_forest.WIDTH
        assert len(picture.getcolors() or ()) > 10
    line = "python x.py --data '/a b' --results /c --preset quick"
    assert draw_forest.bare(line) == "python x.py --data FOLDER --preset quick"


def test_the_noise_of_labels_shows_where_pictures_were_labelled_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from error_parts import ENOUGH, noise

    rng = np.random.default_rng(0)
    truth = rng.normal(48, 5, (300, len(KEYPOINTS), 2))
    points = np.concatenate([truth + rng.normal(0, 0.7, truth.shape) for _ in range(2)])
    points[ENOUGH - 1 : 300, 0] = np.nan
    names = np.tile(np.arange(300).astype(str), 2)
    found = noise(points.astype(np.float32), names)
    assert np.isnan(found[0]), "too few were labelled twice"
    np.testing.assert_allclose(found[1:], 0.7, rtol=0.1)


@pytest.mark.parametrize(("worse", "false"), [(1.0, 0.0), (1.3, 1.0)])
def test_studies_of_nothing_count_what_is_found_all_the_same(
    worse: float, false: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from aa_studies import Options, sheets

    faces = simulated_faces(400)
    fits = Fits(FitStore(tmp_path), faces.fingerprint)
    options = Options(studies=2, candidates=2, pairs=4)
    for study in range(options.studies):
        control, first, other = options.arms(study)
        assert {spec.split for spec in control} == {spec.split for spec in first}
        assert len({spec.seed for spec in (*control, *first, *other)}) == 3 * options.pairs
        for arm, times in ((control, 1.0), (first, 1.0), (other, worse)):
            for spec in arm:
                result = outcome(spec, faces)
                assert isinstance(result, FitResult)
                fits.keep(spec, replace(result, squared=result.squared * times))
    size, parts = (sheet.rows[0] for sheet in sheets(options, fits))
    assert size["studies"] == 2
    assert size["any false verdict"].value == false
    assert (size["intervals hold 0"].value == 1) == (size["p < 0.05"].value == 0)
    assert parts["rmse"] == pytest.approx(3.0 * np.sqrt(worse) / 2 + 1.5, rel=0.1)


def spot(images: np.ndarray) -> np.ndarray:
    """[n, 15, 2] where the brightest place of pictures is, as all of a face's points."""
    at = [np.unravel_index(cv2.GaussianBlur(i, (0, 0), 2).argmax(), i.shape) for i in images]
    return np.repeat(np.array(at, np.float32)[:, None, ::-1], len(KEYPOINTS), axis=1)


@pytest.mark.parametrize("roll", [-60, 0, 25])
def test_a_turned_face_is_asked_as_it_stands_and_straightened(
    roll: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import turned_faces

    rng = np.random.default_rng(0)
    at = rng.integers(30, 66, (6, 1, 2))
    images = np.zeros((6, 96, 96), np.uint8)
    for image, ((x, y),) in zip(images, at, strict=True):
        cv2.circle(image, (int(x), int(y)), 3, 255, -1)
    faces = replace(
        tiny_faces().take(range(6)),
        images=images,
        points=np.repeat(at, len(KEYPOINTS), axis=1).astype(np.float32),
        source=np.zeros(6, np.int8),
    )
    behind = [np.zeros((50, 50), np.uint8)]
    frame = Frame(200.0, 199.0, 2.1, roll + 4.0)
    monkeypatch.setattr(turned_faces.Laid, "shows", lambda *_: True)
    monkeypatch.setattr(turned_faces, "spotted", lambda picture: [(frame, 0.9)])
    part = turned_faces.turned(faces, "complete", behind, roll, 0)
    for said in (part.as_they_stand(spot), part.straightened(spot)):
        assert np.sqrt(part.errors(said).mse) < 1.0
    assert part.straightened(spot)[0].frame.roll == roll + 4.0
    assert part.as_they_stand(spot)[0].frame.roll == 0.0


@pytest.mark.slow
def test_turned_faces_are_measured_on_faces_that_were_held_out(
    backend: str, tmp_path: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend != "tensorflow":
        pytest.skip("ensembles are made under TensorFlow here")
    for folder in ("benchmarks", "tests/ensemble"):
        monkeypatch.syspath_prepend(ROOT / folder)
    import turned_faces
    from tiny_ensemble import cascade, member, plain_mean

    out = knowing(drawn, tmp_path / "out")
    faces = load_competition(demo_folder(out / "cache" / "demo"), out / "cache" / "faces").training
    run = Run(tmp_path / "demo").begun(provenance("smoke", 0, faces))
    options = turned_faces.Turning(results=tmp_path, out=out, faces=8)
    save(run.ensemble, [plain_mean([member("lenet5")])], tta="none", made_by={})
    with pytest.raises(UserError, match="begins with no cascade"):
        turned_faces.main(options)
    save(run.ensemble, [plain_mean([cascade(faces)])], tta="none", made_by={})
    short = Training(epochs=1, batch_size=32)
    alone = turned_faces.alone
    monkeypatch.setattr(turned_faces, "alone", lambda spec: replace(alone(spec), training=short))
    for name in ("ROLLS", "SHOWN"):
        monkeypatch.setattr(turned_faces, name, (0, 40))
    turned_faces.main(options)
    with open(out / "turned_faces.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["roll"] for row in rows] == ["0", "40"]
    for row in rows:
        assert int(row["faces"]) == 8
        assert 0 < float(row["found"]) <= 1
        assert all(float(row[arm]) > 0 for arm in ("one_stage", "cascade", "photo"))
    with Image.open(out / "turned_faces.png") as picture:
        assert picture.size == (1600, 1600)


def test_a_table_of_pictures_says_what_it_was_told(
    faces: Faces, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from true_frames import Told, true_frames

    rng = np.random.default_rng(0)
    shape = rng.normal(0, 10, (len(KEYPOINTS), 2)) @ (1, 1j)
    turns = rng.uniform(0.5, 1.5, len(faces)) * np.exp(1j * rng.uniform(-0.5, 0.5, len(faces)))
    placed = turns[:, None] * shape + 48 * (1 + 1j) + rng.normal(0, 3, (len(faces), 1))
    whole = np.stack([placed.real, placed.imag], axis=2).astype(np.float32)
    spec = FitSpec(
        Told(len(faces)),
        split=Split("all", 4),
        backend=backend,  # type: ignore[arg-type]
    )
    similar = replace(faces, points=whole, source=np.zeros(len(faces), np.int8))
    hidden = split(similar, spec.taught, spec.split).held_out[0]
    some = whole.copy()
    some[hidden, 4:] = np.nan
    told = true_frames(replace(similar, points=some), spec)
    np.testing.assert_allclose(told, whole, atol=0.01)
    said = predict(spec, Told.weights(faces.images, told), faces.images)
    np.testing.assert_allclose(said, told, atol=0.001)


@pytest.mark.slow
def test_a_last_stage_errs_less_where_labels_straighten_its_faces(
    tmp_path: Path, drawn: Path
) -> None:
    knowing(drawn, tmp_path)
    command = [sys.executable, "benchmarks/true_frames.py", "--find", "1000", "--pictures", "1000"]
    done = subprocess.run(
        [*command, "--results", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "true_frames.csv", newline="") as file:
        staged, _, best = csv.DictReader(file)
    for name in ("complete", "partial", "pooled"):
        assert float(best[name]) < float(staged[name])


@pytest.mark.slow
def test_steps_are_timed_beside_bare_ones(
    backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if backend != "tensorflow":
        pytest.skip("bare steps are TensorFlow's")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import fit_speed

    with pytest.raises(UserError, match="there is no 'lenet'; choose from"):
        fit_speed.Options(models=("lenet",)).check()
    monkeypatch.setattr(fit_speed, "NAMED", {"unet": MODELS["unet"].tiny()})
    fit_speed.main(fit_speed.Options(batch_sizes=(8,), faces=32, seconds=0.0, repeats=1))
    said = capsys.readouterr().out
    assert "unet, batches of 8: 16 images a round" in said
    assert "of the bare ones" in said
    assert "of Keras" in said
