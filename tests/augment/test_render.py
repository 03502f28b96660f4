"""Rendering: deterministic by (seed, face, copy), cached on disk, verified when read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fkd_core.augment import render as rendering
from fkd_core.augment.compose import compose, reseed
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.render import render, rendered
from fkd_core.augment.transforms import TRANSFORMS
from fkd_core.data.faces import Faces

ROOT = Path(__file__).parents[2]
EVERYTHING = Policy(tuple(Step(name, 0.5, None) for name in TRANSFORMS))
ONE = Policy(EVERYTHING.steps, "one")


def some_faces(n: int = 6, seed: int = 0) -> Faces:
    rng = np.random.default_rng(seed)
    points = rng.uniform(20, 75, (n, 15, 2)).astype(np.float32)
    points[0, 3:] = np.nan
    return Faces(
        rng.integers(0, 256, (n, 96, 96)).astype(np.uint8),
        points,
        np.zeros(n, np.int8),
        np.arange(n, dtype=np.uint64),
        np.arange(1, n + 1, dtype=np.int32),
    )


FACES = some_faces()


Pair = tuple[np.ndarray, np.ndarray]


def same(one: Pair, other: Pair) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def made(faces: Faces, policy: Policy = EVERYTHING, seed: int = 1, copies: int = 3) -> Pair:
    """Images [copies, n, 96, 96] and points [copies, n, 15, 2]."""
    return stacked(
        render(faces.images, faces.points, faces.row, policy, seed, k) for k in range(copies)
    )


def stacked(copies: Iterable[Pair]) -> Pair:
    images, points = zip(*copies, strict=True)
    return np.stack(images), np.stack(points)


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever something is rendered anew; no file counts as verified yet."""
    calls: list[int] = []
    original = rendering._write

    def counting(*arguments: object) -> None:
        calls.append(1)
        original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rendering, "_write", counting)
    monkeypatch.setattr(rendering, "_checked", set())
    return calls


@pytest.mark.parametrize("policy", [EVERYTHING, ONE], ids=["all", "one"])
def test_any_subset_in_any_order_gives_equal_copies(policy: Policy) -> None:
    order = [4, 0, 3]
    images, points = made(FACES, policy)
    assert same(made(FACES.take(order), policy), (images[:, order], points[:, order]))


def test_steps_happen_as_often_as_they_say_and_independently_of_each_other() -> None:
    many = some_faces(400)
    dark = np.minimum(many.images, 100)
    policy = Policy((Step("mirror", 0.5), Step("brighten", 0.3, 1.0)))
    images, _ = render(dark, many.points, many.row, policy, 1, 0)
    mirrored = np.array([
        min(abs(i[:, 0].mean() / o[:, -1].mean() - 1), 1) < 1e-9
        or np.corrcoef(i[:, 0], o[:, -1])[0, 1] > 0.9
        for i, o in zip(images, dark, strict=True)
    ])  # fmt: skip
    brighter = images.max(axis=(1, 2)) > 100
    assert mirrored.mean() == pytest.approx(0.5, abs=0.08)
    assert brighter.mean() == pytest.approx(0.3, abs=0.08)
    assert (mirrored & brighter).mean() == pytest.approx(0.15, abs=0.06)


def test_one_step_or_nothing_is_drawn_uniformly_whatever_the_probabilities() -> None:
    many = some_faces(600)
    policy = Policy((Step("mirror", 0.0), Step("dim", 1.0, 1.0)), "one")
    images, _ = render(many.images, many.points, many.row, policy, 1, 0)
    untouched = (images == many.images).all(axis=(1, 2)).mean()
    mirrored = (images == many.images[:, :, ::-1]).all(axis=(1, 2)).mean()
    assert untouched == pytest.approx(1 / 3, abs=0.06)
    assert mirrored == pytest.approx(1 / 3, abs=0.06)


@pytest.mark.parametrize("name", ["rotation", "scale", "shift", "gamma", "perspective"])
def test_a_copy_varies_as_much_as_the_pipeline_for_ones_own_use(name: str) -> None:
    policy = Policy((Step(name, 0.7, None, share=0.8),))
    n = 300
    images = np.repeat(FACES.images[:1], n, axis=0)
    points = np.tile(np.random.default_rng(1).uniform(30, 65, (15, 2)), (n, 1, 1))
    points = points.astype(np.float32)
    copies = render(images, points, np.arange(n), policy, 1, 0)
    pipeline = compose(policy)
    single = []
    for row in range(n):
        reseed(pipeline, 1, row, 0)
        result = pipeline(image=images[0], keypoints=points[0])
        single.append((result["image"], result["keypoints"]))
    for ours, theirs, original in zip(copies, stacked(single), (images, points), strict=True):
        moves = [np.abs(a - original.astype(float)).mean(axis=tuple(range(1, a.ndim)))
                 for a in (ours, theirs)]  # fmt: skip
        assert ks_2samp(*moves).pvalue > 0.001


def test_policies_that_share_a_transform_draw_the_same_for_it() -> None:
    turn = Step("rotation", 0.5, None)
    alone = made(FACES, Policy((turn,)))[1]
    brighter = made(FACES, Policy((Step("brighten", 0.5), turn)))[1]
    assert np.array_equal(alone, brighter, equal_nan=True)


def test_fewer_copies_are_the_first_of_more() -> None:
    images, points = made(FACES, copies=3)
    assert same(made(FACES, copies=2), (images[:2], points[:2]))


def test_copies_of_a_face_differ_and_so_do_seeds_and_faces() -> None:
    policy = Policy((Step("gaussian_noise", 1.0, 1.0),))
    flat = Faces(np.full_like(FACES.images, 128), *(getattr(FACES, name) for name in (
        "points", "source", "group", "row")))  # fmt: skip
    images = np.concatenate([made(flat, policy, seed)[0] for seed in (1, 2)]).reshape(-1, 96 * 96)
    assert len(np.unique(images, axis=0)) == len(images)


def test_another_process_renders_the_same() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/augment'); import test_render as t, zlib;"
        "print([zlib.crc32(a.tobytes()) for a in t.made(t.FACES)])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout  # fmt: skip
    import zlib

    assert output.strip() == str([zlib.crc32(a.tobytes()) for a in made(FACES)])


def test_shapes_and_types_are_those_documented() -> None:
    images, points = made(FACES, copies=2)
    assert (images.shape, images.dtype) == ((2, 6, 96, 96), np.uint8)
    assert (points.shape, points.dtype) == ((2, 6, 15, 2), np.float32)


def test_a_policy_without_steps_is_a_view_of_the_originals(tmp_path: Path) -> None:
    copies = rendered(FACES, Policy(), 1, 4, tmp_path)
    assert len(copies) == 4
    assert copies[3][0] is FACES.images
    assert copies[3][1] is FACES.points
    assert list(tmp_path.iterdir()) == []


def test_the_second_request_comes_from_the_cache(tmp_path: Path, renders: list[int]) -> None:
    first = rendered(FACES, EVERYTHING, 1, 3, tmp_path)
    second = rendered(FACES, EVERYTHING, 1, 3, tmp_path)
    assert len(renders) == 1
    assert isinstance(second[0][0], np.memmap)
    assert not second[0][0].flags.writeable
    assert same(stacked(first), stacked(second))
    assert same(stacked(second), made(FACES))


def test_without_a_folder_a_copy_is_made_when_first_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copies = rendered(FACES, EVERYTHING, 1, 3, None)
    assert same(stacked(copies), made(FACES))
    monkeypatch.setattr(rendering, "render", None)
    assert same(stacked(copies), made(FACES))


def test_without_a_number_copies_never_end_and_only_the_last_is_kept(tmp_path: Path) -> None:
    copies = rendered(FACES, EVERYTHING, 1, None, tmp_path)
    assert same(copies[2], tuple(part[2] for part in made(FACES)))
    assert copies[2][0] is copies[2][0]
    later = copies[1_000_000][0]
    assert not np.array_equal(later, copies[2][0])
    assert np.array_equal(later, copies[1_000_000][0])
    assert later is not copies[1_000_000][0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("k", [-1, 3])
def test_a_copy_beyond_the_last_is_an_index_error(k: int) -> None:
    with pytest.raises(IndexError, match="of 3"):
        rendered(FACES, EVERYTHING, 1, 3, None)[k]


@pytest.mark.parametrize(
    "other",
    [
        (FACES, EVERYTHING, 2, 3),
        (FACES, EVERYTHING, 1, 2),
        (FACES, ONE, 1, 3),
        (some_faces(seed=9), EVERYTHING, 1, 3),
    ],
    ids=["seed", "copies", "policy", "faces"],
)
def test_another_request_is_another_rendering(
    other: tuple[Faces, Policy, int, int], tmp_path: Path, renders: list[int]
) -> None:
    rendered(FACES, EVERYTHING, 1, 3, tmp_path)
    rendered(*other, tmp_path)
    assert len(renders) == 2


def test_other_code_is_another_rendering(
    tmp_path: Path, renders: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(FACES, EVERYTHING, 1, 1, tmp_path)
    monkeypatch.setattr(rendering, "rendering_version", lambda policy: "another version")
    rendered(FACES, EVERYTHING, 1, 1, tmp_path)
    assert len(renders) == 2


@pytest.mark.parametrize("ending", ["images.npy", "points.npy", "json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "flipped"])
def test_a_damaged_file_is_noticed_and_made_anew(
    ending: str, damage: str, tmp_path: Path, renders: list[int]
) -> None:
    first = stacked(rendered(FACES, EVERYTHING, 1, 2, tmp_path))
    (path,) = tmp_path.glob(f"*.{ending}")
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "flipped":
        at = len(content) // 2 if ending != "json" else content.index(b":") + 2
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert same(first, stacked(rendered(FACES, EVERYTHING, 1, 2, tmp_path)))
    assert len(renders) == 2


def test_the_cache_keeps_under_its_limit_and_drops_the_oldest(
    tmp_path: Path, renders: list[int]
) -> None:
    size = FACES.images.nbytes + FACES.points.nbytes
    for seed in range(4):
        rendered(FACES, EVERYTHING, seed, 1, tmp_path, limit_bytes=3 * size)
        for path in tmp_path.iterdir():  # as if an hour had passed
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 3_600_000_000_000))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * size
    rendered(FACES, EVERYTHING, 3, 1, tmp_path, limit_bytes=3 * size)
    assert len(renders) == 4


def test_a_rendering_larger_than_the_limit_still_works(tmp_path: Path) -> None:
    copies = rendered(FACES, EVERYTHING, 1, 3, tmp_path, limit_bytes=1000)
    assert same(stacked(copies), made(FACES))


def test_nothing_unfinished_stays_behind_when_rendering_fails(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no transform named"):
        rendered(FACES, Policy((Step("nonsense"),)), 1, 1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_at_the_same_rendering_do_not_harm_each_other(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/augment'); import test_render as t; from pathlib "
        f"import Path; t.rendered(t.FACES, t.EVERYTHING, 5, 20, Path({str(tmp_path)!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment) for _ in range(2)
    ]
    assert [process.wait(timeout=600) for process in both] == [0, 0]
    copies = stacked(rendered(FACES, EVERYTHING, 5, 20, tmp_path))
    assert same(copies, made(FACES, seed=5, copies=20))
    assert len(list(tmp_path.iterdir())) == 3


BARE = """
import sys
from pathlib import Path
for missing in ("cv2", "albumentations"):
    sys.modules[missing] = None
import numpy as np
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.render import rendered
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
n = 2
faces = Faces(
    np.zeros((n, 96, 96), np.uint8), np.ones((n, 15, 2), np.float32), np.zeros(n, np.int8),
    np.arange(n, dtype=np.uint64), np.arange(n, dtype=np.int32),
)
policy = Policy((Step("rotation"),))
if sys.argv[2] == "hit":
    print(rendered(faces, policy, 1, 2, Path(sys.argv[1]))[1][0].shape)
else:
    try:
        rendered(faces, policy, 1, 2, Path(sys.argv[1]))
    except UserError as error:
        print(error)
"""


def on_a_bare_machine(cache: Path, wanted: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", BARE, str(cache), wanted], cwd=ROOT, capture_output=True,
        text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout.strip()  # fmt: skip


def test_a_machine_without_opencv_reads_what_another_has_rendered(tmp_path: Path) -> None:
    n = 2
    faces = Faces(
        np.zeros((n, 96, 96), np.uint8),
        np.ones((n, 15, 2), np.float32),
        np.zeros(n, np.int8),
        np.arange(n, dtype=np.uint64),
        np.arange(n, dtype=np.int32),
    )
    rendered(faces, Policy((Step("rotation"),)), 1, 2, tmp_path)
    assert on_a_bare_machine(tmp_path, "hit") == "(2, 96, 96)"


def test_a_machine_without_opencv_says_what_to_do_when_nothing_is_cached(tmp_path: Path) -> None:
    message = on_a_bare_machine(tmp_path, "miss")
    assert "needs OpenCV" in message
    assert "bring its rendering cache" in message
