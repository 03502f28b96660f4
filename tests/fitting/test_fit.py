"""A fit is a pure function: the same bits however it is called, and nothing leaks into it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.render import Copies, render
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, split
from fkd_core.fitting import fit as fit_module
from fkd_core.fitting import fit_data
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import Failed, FitResult, Stopped
from fkd_core.fitting.schedule import batches
from fkd_core.fitting.spec import FitSpec, Training, recipe_of
from fkd_core.fitting.steps import Graph
from fkd_core.fitting.steps import stepper as few_steppers
from fkd_core.models.conv5 import Conv5
from fkd_core.models.lenet5 import LeNet5
from fkd_core.models.plain import Plain
from fkd_core.reach import NOT_FOLLOWED, Code
from fkd_core.sources import COMPLETE, PARTIAL

TESTS = Path(__file__).parents[1]
REPOSITORY = TESTS.parent
BACKEND: Any = os.environ.get("FKD_TEST_BACKEND", "tensorflow")
MIRRORED = Policy((Step("mirror", 1.0, None),))
PLAIN = FitSpec(
    LeNet5.tiny(),
    split=Split("all"),
    training=Training(epochs=4, batch_size=8, learning_rate=3e-3),
    backend=BACKEND,
)
STOPPING = replace(
    PLAIN,
    split=Split("all", stop_share=0.25),
    training=Training(epochs=30, batch_size=8, learning_rate=0.02, patience=2),
)
KINDS = {
    "plain": PLAIN,
    "dropout and cosine": replace(
        PLAIN,
        model=replace(LeNet5.tiny(), dropout=0.3),
        training=replace(PLAIN.training, schedule="cosine", warmup=0.25, weight_decay=0.01),
    ),
    "batch normalisation": replace(PLAIN, model=Conv5.tiny()),
    "around the mean face": replace(
        PLAIN, model=Plain.tiny(), training=replace(PLAIN.training, beta_2=0.99, ema=0.5)
    ),
    "fresh copies": replace(
        PLAIN, policy=Policy((Step("shift", 1.0, None), Step("gamma", 0.5))), copies=None
    ),
    "average of weights": replace(PLAIN, training=replace(PLAIN.training, ema=0.9)),
    "early stopping": replace(
        STOPPING, training=replace(STOPPING.training, ema=0.5, epochs=5, learning_rate=1e-3)
    ),
}
stepper = lru_cache(maxsize=None)(few_steppers.__wrapped__)


@pytest.fixture(autouse=True, scope="module")
def _every_graph_is_kept() -> Iterator[None]:
    """A fit keeps four graphs; these tests go to and fro between more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_module, "stepper", stepper)
        yield


every_kind = pytest.mark.parametrize("spec", KINDS.values(), ids=list(KINDS))


def done(spec: FitSpec, faces: Faces, **more: Any) -> FitResult:
    outcome = fit(spec, faces, **more)
    assert isinstance(outcome, FitResult), outcome
    return outcome


def digest(result: FitResult) -> str:
    """Changes with any bit of what was learnt."""
    bits = hashlib.sha256(result.predictions.tobytes())
    for values in (*result.history.values(), *result.weights):
        bits.update(values.tobytes())
    return bits.hexdigest()


def with_points(faces: Faces, index: Any, value: Any) -> Faces:
    points = faces.points.copy()
    points[index] = value
    return replace(faces, points=points)


def learned_from(spec: FitSpec, faces: Faces) -> Any:
    return split(faces, COMPLETE, spec.split)


# The same bits


@every_kind
def test_equal_arguments_give_equal_bits_and_another_seed_others(
    spec: FitSpec, faces: Faces
) -> None:
    one, two = (done(spec, faces, keep_weights=True) for _ in range(2))
    assert digest(one) == digest(two)
    assert digest(done(replace(spec, seed=1), faces)) != digest(done(spec, faces))


@every_kind
@pytest.mark.parametrize("after", [1, 3])
def test_a_stopped_fit_that_is_resumed_equals_one_that_was_not(
    spec: FitSpec, after: int, faces: Faces
) -> None:
    stopped = fit(spec, faces, lambda epoch, _: epoch == after)
    assert isinstance(stopped, Stopped)
    assert stopped.checkpoint.epoch == after
    whole = done(spec, faces, keep_weights=True)  # the same graph does another fit in between
    again = done(spec, faces, resume=stopped.checkpoint, keep_weights=True)
    assert digest(again) == digest(whole)
    assert digest(done(spec, faces, resume=stopped.checkpoint, keep_weights=True)) == digest(whole)
    assert again.best_epoch == whole.best_epoch


def test_what_a_process_did_before_does_not_matter(faces: Faces) -> None:
    other = KINDS["dropout and cosine"]
    first = done(PLAIN, faces)
    done(replace(PLAIN, seed=5), faces)
    done(other, faces)
    np.random.seed(3)  # noqa: NPY002 - the global state is what must not matter
    assert digest(done(PLAIN, faces)) == digest(first)


def test_a_second_fit_reuses_the_compiled_graph(faces: Faces) -> None:
    done(PLAIN, faces)
    done(replace(PLAIN, model=Conv5.tiny()), faces)
    before = stepper.cache_info()
    shorter = replace(PLAIN.training, epochs=1, learning_rate=1e-4)
    done(replace(PLAIN, seed=3, training=shorter, split=Split("all", 3)), faces)
    after = stepper.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


@pytest.fixture(scope="module")
def elsewhere() -> Callable[..., dict[str, Any]]:
    """Does a fit in a process of its own, some modules hidden; gives modules and predictions."""
    program = (
        "import json, sys; sys.path[:0] = sys.argv[2:4]\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in sys.argv[4:]: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from faces_for_tests import tiny_faces\n"
        "from fkd_core.fitting.fit import fit\n"
        "from fkd_core.fitting.spec import FitSpec\n"
        "r = fit(FitSpec.from_json(json.loads(sys.argv[1])), tiny_faces())\n"
        "print(json.dumps([sorted(sys.modules), r.predictions.tolist()]))\n"
    )

    def run(spec: FitSpec, hidden: Sequence[str] = ()) -> dict[str, Any]:
        command = [sys.executable, "-c", program, json.dumps(spec.to_json())]
        ended = subprocess.run(
            [*command, str(TESTS), str(REPOSITORY), *hidden],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-2000:]
        modules, predictions = json.loads(ended.stdout.splitlines()[-1])
        return {"modules": modules, "predictions": np.array(predictions, np.float32)}

    return run


def test_another_process_gives_the_same_bits_from_code_that_the_recipe_covers(
    elsewhere: Callable[..., dict[str, Any]], faces: Faces
) -> None:
    there = elsewhere(PLAIN)
    np.testing.assert_array_equal(there["predictions"], done(PLAIN, faces).predictions)

    class Listing(Code):
        def version(self, roots: Iterable[str]) -> str:
            covered.update(self.reached(roots))
            return super().version(roots)

    covered: set[str] = set()
    recipe_of(PLAIN, Listing(REPOSITORY / "fkd_core"))
    loaded = {name for name in there["modules"] if name.split(".")[0] == "fkd_core"}
    registered = ("fkd_core.models.", "fkd_core.layers.", "fkd_core.objectives.")
    others = {name for name in loaded if name.startswith(registered)} - covered
    assert {
        "fkd_core.fitting.steps",
        "fkd_core.models.lenet5",
        f"fkd_core.fitting.steps_{BACKEND}",
    } <= covered
    assert loaded - covered - others <= {*NOT_FOLLOWED}
    assert "fkd_core.augment.compose" not in loaded


NEEDLESS = (
    "ray", "optuna", "cv2", "albumentations", "pandas", "sklearn", "plotly", "pydantic",
)  # fmt: skip


def test_a_fit_needs_numpy_keras_and_its_backend_alone(
    elsewhere: Callable[..., dict[str, Any]],
) -> None:
    # Keras itself imports some of these where it finds them, so they are made not to be found.
    other = "tensorflow" if BACKEND == "jax" else "jax"
    hidden = {*NEEDLESS, other}
    modules = elsewhere(PLAIN, sorted(hidden))["modules"]
    assert BACKEND in modules
    assert not hidden & {*modules}


# Who teaches


def test_a_face_without_labels_changes_nothing(faces: Faces) -> None:
    n = len(faces)
    more = faces.take([*range(n), 0, 1])
    more = with_points(more, slice(n, n + 2), np.nan)
    more = replace(more, group=np.concatenate([faces.group, np.array([1, 2], np.uint64)]))
    assert digest(done(PLAIN, more)) == digest(done(PLAIN, faces))


def test_a_keypoint_with_one_coordinate_counts_as_missing(faces: Faces) -> None:
    faces = with_points(faces, (2, 3), np.nan)
    half = with_points(faces, (2, 3, 0), 12.0)
    assert digest(done(PLAIN, half)) == digest(done(PLAIN, faces))


@pytest.mark.parametrize("spec", [PLAIN, STOPPING], ids=["plain", "early stopping"])
def test_held_out_labels_decide_nothing(spec: FitSpec, faces: Faces) -> None:
    held_out = learned_from(spec, faces).held_out
    wrong = with_points(faces, held_out, faces.points[held_out] + np.float32(5))
    one, two = done(spec, faces), done(spec, wrong)
    np.testing.assert_array_equal(one.predictions, two.predictions)
    assert one.best_epoch == two.best_epoch
    assert two.rmse != one.rmse
    for name in ("train_rmse", "stop_rmse", "rate"):
        np.testing.assert_array_equal(one.history[name], two.history[name])


def test_the_other_source_teaches_nothing(faces: Faces) -> None:
    other = np.flatnonzero(faces.source == 1)
    assert digest(done(PLAIN, with_points(faces, other, 1.0))) == digest(done(PLAIN, faces))


# Figures


@pytest.mark.parametrize("pipeline", [COMPLETE, PARTIAL], ids=lambda p: p.name)
def test_figures_equal_a_numpy_computation(pipeline: Any, faces: Faces) -> None:
    result = done(replace(PLAIN, pipeline=pipeline.name), faces)
    parts = split(faces, pipeline, PLAIN.split)
    np.testing.assert_array_equal(result.row, faces.row[parts.held_out])
    np.testing.assert_array_equal(result.group, faces.group[parts.held_out])
    at = {int(row): i for i, row in enumerate(faces.row)}
    truth = np.stack([faces.points[at[int(row)], list(pipeline.keypoints)] for row in result.row])
    labelled = ~np.isnan(truth).any(axis=2)
    np.testing.assert_array_equal(result.labelled, labelled)
    squares = ((result.predictions.astype(float) - truth) ** 2).sum(axis=2)
    np.testing.assert_allclose(result.squared, np.where(labelled, squares, 0.0), rtol=1e-12)
    pooled = np.sqrt(np.nanmean((result.predictions.astype(float) - truth) ** 2))
    assert result.rmse == pytest.approx(pooled, rel=1e-12)
    assert result.history["held_out_rmse"][-1] == pytest.approx(pooled, rel=1e-6)
    assert result.train_faces == len(parts.train)
    assert set(result.seconds) == {"load", "render", "compile", "train", "predict"}
    assert all(seconds >= 0 for seconds in result.seconds.values())
    assert BACKEND in result.versions


def test_kept_weights_are_those_that_predicted(faces: Faces) -> None:
    for name in ("batch normalisation", "average of weights", "early stopping"):
        spec = KINDS[name]
        result = done(spec, faces, keep_weights=True)
        model = spec.model.build(COMPLETE.outputs)
        model.set_weights(result.weights)
        held_out = learned_from(spec, faces).held_out
        again = np.asarray(model(faces.images[held_out][..., None].astype(np.float32)))
        again = again.reshape(result.predictions.shape)
        np.testing.assert_allclose(again, result.predictions, atol=1e-3)


# Early stopping


def test_early_stopping_restores_the_best_weights_of_the_stop_share(faces: Faces) -> None:
    result = done(STOPPING, faces)
    stop = result.history["stop_rmse"]
    assert result.best_epoch == int(np.argmin(stop)) + 1
    patience = STOPPING.training.patience
    assert patience is not None
    assert len(stop) == min(result.best_epoch + patience, STOPPING.training.epochs)
    assert len(stop) < STOPPING.training.epochs, "it never stopped early: the test tests nothing"
    shorter = replace(STOPPING.training, epochs=result.best_epoch, patience=None)
    prefix = done(replace(STOPPING, training=shorter), faces)
    np.testing.assert_array_equal(prefix.predictions, result.predictions)


# Compared arms


def test_an_arm_differs_from_its_control_in_its_pictures_alone(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = done(PLAIN, faces)

    def originals(faces: Faces, policy: Policy, seed: int, copies: int, *_: object) -> Any:
        assert (policy, seed, copies) == (MIRRORED, 7, 3)
        return Copies(copies, lambda _: (faces.images, faces.points))

    monkeypatch.setattr(fit_data, "rendered", originals)
    arm = done(replace(PLAIN, policy=MIRRORED, copies=3, copy_seed=7), faces)
    assert digest(arm) == digest(control)


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Every batch that a fit steps on from now on."""
    seen: list[tuple[Any, Any]] = []
    training = PLAIN.training
    kind = type(stepper(Graph(PLAIN.model, 30, training.batch_size)))
    step = kind.step

    def spy(self: Any, images: Any, targets: Any, rate: Any) -> Any:
        seen.append((images.copy(), targets.copy()))
        return step(self, images, targets, rate)

    monkeypatch.setattr(kind, "step", spy)
    return seen


def test_epoch_e_shows_every_face_once_as_copy_e_mod_k(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def numbered(faces: Faces, policy: Policy, seed: int, copies: int, *_: object) -> Any:
        return Copies(
            copies, lambda k: (np.full_like(faces.images, k), faces.points + np.float32(k))
        )

    seen = watched(monkeypatch)
    monkeypatch.setattr(fit_data, "rendered", numbered)
    done(replace(PLAIN, policy=MIRRORED, copies=3), faces)
    train = learned_from(PLAIN, faces).train
    steps = -(-len(train) // 8)
    assert len(seen) == 4 * steps
    for epoch in range(4):
        copy = epoch % 3
        order = batches(len(train), 8, PLAIN.seed, epoch)
        for positions, (images, targets) in zip(order, seen[epoch * steps :], strict=False):
            real = positions >= 0
            assert (images == copy).all()
            expected = faces.points[train[positions[real]]].reshape(-1, 30) + np.float32(copy)
            np.testing.assert_array_equal(targets[real], expected)
            assert np.isnan(targets[~real]).all()


def test_without_a_number_of_copies_every_epoch_shows_a_fresh_one(
    faces: Faces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = watched(monkeypatch)
    spec = KINDS["fresh copies"]
    assert isinstance(fit(spec, faces, cache=tmp_path), FitResult)
    assert list(tmp_path.iterdir()) == []
    train = learned_from(spec, faces).train
    steps = -(-len(train) // 8)
    for epoch in range(4):
        given = faces.take(train)
        copy, _ = render(given.images, given.points, given.row, spec.policy, spec.copy_seed, epoch)
        order = batches(len(train), 8, spec.seed, epoch)
        for positions, (images, _) in zip(order, seen[epoch * steps :], strict=False):
            real = positions >= 0
            np.testing.assert_array_equal(images[real], copy[positions[real]])


def test_the_control_sees_the_originals_and_padding_is_an_even_mix_of_faces(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(monkeypatch)
    done(replace(PLAIN, training=replace(PLAIN.training, epochs=1)), faces)
    train = learned_from(PLAIN, faces).train
    padded = len(seen) * 8 - len(train)
    assert padded > 1
    order = batches(len(train), 8, PLAIN.seed, 0).ravel()
    shown = np.concatenate([images for images, _ in seen])
    expected = np.concatenate([order[: len(train)], order[:padded]])
    np.testing.assert_array_equal(shown, faces.images[train[expected]])


# Failures


def test_a_loss_that_is_not_finite_is_a_failure_with_its_epoch(faces: Faces) -> None:
    far = with_points(faces, (slice(None), 0), 1e25)
    outcome = fit(PLAIN, far)
    assert isinstance(outcome, Failed)
    assert "the loss became" in outcome.reason
    assert "epoch 1" in outcome.reason


def test_too_few_faces_are_a_failure_that_says_so(faces: Faces) -> None:
    outcome = fit(replace(PLAIN, split=Split("all", 5, 4)), faces.take([1, 2]))
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("impossible: no held-out faces in fold 4 of 5")


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("9 GB"),
        ResourceExhaustedError("9 GB"),
        RuntimeError("RESOURCE_EXHAUSTED: 9 GB"),
    ],
)
def test_exhausted_memory_is_a_failure(
    error: Exception, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: Any) -> None:
        raise error

    monkeypatch.setattr(fit_module, "stepper", raising)
    outcome = fit(PLAIN, faces)
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("out of memory: ")
    assert "9 GB" in outcome.reason


def test_an_error_of_the_program_is_no_outcome(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(fit_module, "stepper", raising)
    with pytest.raises(RuntimeError, match="a bug"):
        fit(PLAIN, faces)


def test_another_backend_or_thread_count_needs_another_process(faces: Faces) -> None:
    other: Any = "jax" if BACKEND == "tensorflow" else "tensorflow"
    for spec in (replace(PLAIN, backend=other), replace(PLAIN, threads=2)):
        with pytest.raises(RuntimeError, match="another process"):
            fit(spec, faces)


# Steps


def new_stepper(model: Any, **more: Any) -> Any:
    made = stepper(Graph(**({"model": model, "outputs": 30, "batch_size": 8} | more)))
    made.reset(0)
    return made


def batch(faces: Faces, n: int = 8) -> tuple[Any, Any]:
    return faces.images[:n], faces.points[:n].reshape(n, 30).copy()


def same(one: Sequence[Any], two: Sequence[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


RATE = np.float32(0.01)


def test_an_unlabelled_face_gives_no_gradient_whatever_it_shows(faces: Faces) -> None:
    images, targets = batch(faces)
    targets[5:] = np.nan
    states = []
    for shown in (images[5:], 255 - images[5:]):
        model = new_stepper(LeNet5.tiny())
        model.step(np.concatenate([images[:5], shown]), targets, RATE)
        states.append(model.state())
    assert same(*states)
    alone = new_stepper(LeNet5.tiny(), batch_size=5)
    alone.step(images[:5], targets[:5], RATE)
    for one, two in zip(alone.weights(), new_stepper_after(images, targets), strict=True):
        np.testing.assert_allclose(one, two, atol=2e-5)


def new_stepper_after(images: Any, targets: Any) -> list[Any]:
    model = new_stepper(LeNet5.tiny())
    model.step(images, targets, RATE)
    weights: list[Any] = model.weights()
    return weights


def test_a_step_reports_squares_in_pixels_before_it(faces: Faces) -> None:
    images, targets = batch(faces)
    model = new_stepper(LeNet5.tiny())
    error = model.predict(images) - targets
    squares, count = model.step(images, targets, RATE)
    assert int(count) == np.isfinite(targets).sum() < targets.size
    assert float(squares) == pytest.approx(float(np.nansum(error**2)), rel=1e-4)


def test_nothing_labelled_moves_nothing_but_weight_decay(faces: Faces) -> None:
    images, targets = batch(faces)
    nothing = np.full_like(targets, np.nan)
    for decay, factor in ((0.0, 1.0), (0.5, 0.995)):
        model = new_stepper(Conv5.tiny(), weight_decay=decay)
        before = {v.path: np.asarray(v).copy() for v in model.model.trainable_variables}
        model.step(images, nothing, RATE)
        model.state()
        for variable in model.model.trainable_variables:
            is_kernel = variable.path.endswith("kernel")
            expected = before[variable.path] * (factor if is_kernel else 1.0)
            np.testing.assert_allclose(np.asarray(variable), expected, rtol=1e-5)


def test_a_compact_network_starts_at_the_mean_of_its_training_faces(faces: Faces) -> None:
    slow = replace(PLAIN.training, epochs=1, learning_rate=1e-9)
    spec = replace(PLAIN, model=Plain.tiny(), training=slow)
    train = faces.points[split(faces, COMPLETE, spec.split).train]
    result = done(spec, faces, keep_weights=True)
    np.testing.assert_allclose(
        result.predictions,
        np.broadcast_to(np.nanmean(train, axis=0), result.predictions.shape),
        atol=1.0,
    )
    (mean,) = (w for w in result.weights if w.shape == (30,) and w.min() > 1)
    np.testing.assert_allclose(mean, np.nanmean(train, axis=0).ravel(), rtol=1e-5)


def test_beta_2_reaches_the_optimiser(faces: Faces) -> None:
    images, targets = batch(faces)
    ends = []
    for beta_2 in (0.999, 0.9):
        model = new_stepper(LeNet5.tiny(), beta_2=beta_2)
        model.step(images, targets, RATE)
        model.step(images[::-1], np.full_like(targets, 40), RATE)
        ends.append(model.weights())
    assert not same(*ends)


def test_the_moving_average_is_scored_and_the_weights_go_on_without_it(faces: Faces) -> None:
    images, targets = batch(faces)
    plain, averaged = new_stepper(LeNet5.tiny()), new_stepper(LeNet5.tiny(), ema=0.75)
    average: list[Any] = []
    for _ in range(3):
        for model in (plain, averaged):
            model.step(images, targets, RATE)
        averaged.predict(images)
        average = [
            0.75 * old + 0.25 * new if average else new
            for old, new in zip(average or plain.weights(), plain.weights(), strict=True)
        ]
    for scored, expected in zip(averaged.weights(), average, strict=True):
        np.testing.assert_allclose(scored, expected, atol=1e-6)
    n = len(plain.weights())
    assert same(averaged.state()[:n], plain.state()[:n])


@pytest.mark.parametrize("n", [1, 256, 257])
def test_predictions_do_not_depend_on_their_neighbours(n: int, faces: Faces) -> None:
    model = new_stepper(LeNet5.tiny())
    images = np.resize(faces.images, (n, 96, 96))
    whole = model.predict(images)
    assert whole.shape == (n, 30)
    np.testing.assert_allclose(model.predict(images[-1:])[0], whole[-1], atol=1e-4)


def test_mixed_precision_keeps_fine_coordinates(faces: Faces) -> None:
    result = done(replace(PLAIN, precision="mixed_bfloat16"), faces)
    scaled = ((result.predictions - 47.5) / 48).astype(np.float32)
    in_bfloat16 = (scaled.view(np.uint32) & 0xFFFF) == 0
    assert in_bfloat16.mean() < 0.1
    assert result.rmse == pytest.approx(done(PLAIN, faces).rmse, rel=0.2)


# The other backend


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "jax", reason="this is JAX already")
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_passes_the_same_suite() -> None:
    # How networks are built, kept and read back is Keras's own on every backend, and what compares
    # the two backends compares them once.
    built = "docstring or json or hyperparameter or published or by_themselves or seed_decides"
    same = f"{built} or gray_images or safe_mode or other_backend"
    # A benchmark's test fits every model under JAX; here are those whose layers are our own.
    large = "(by_heart or fifty_steps) and (conv5 or conv10 or resnet or resnext or unet or plain)"
    same = f"{same} or inception or ({large})"
    # Most of its time would go into optimising what is computed a few times.
    hasty = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
    suites = [
        "tests/fitting/test_fit.py",
        "tests/models",
        "tests/objectives",
        "-k",
        f"not ({same})",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *suites],
        cwd=REPOSITORY,
        env=os.environ | hasty | {"FKD_TEST_BACKEND": "jax", "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert " passed" in ended.stdout


def test_a_fit_may_end_on_milder_copies(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Policy] = []

    def noted(chosen: Faces, policy: Policy, *others: Any) -> Copies:
        copies = rendered(chosen, policy, *others)
        return Copies(len(copies), lambda k: (shown.append(policy), copies[k])[1])

    rendered = fit_data.rendered
    monkeypatch.setattr(fit_data, "rendered", noted)
    policy = Policy((Step("shift", 1.0, 0.5),))
    spec = replace(PLAIN, policy=policy, training=Training(epochs=4, lighter_end=0.25), copies=2)
    assert isinstance(fit(spec, faces), FitResult)
    assert shown == [policy, policy, policy, policy.lighter(0.4)]
