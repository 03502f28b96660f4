"""The demo faces: a small competition with known truth."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from fkd_core.data.demo import FILES, Demo, demo_folder, make_training, write_demo
from fkd_core.data.demo import files as module
from fkd_core.data.demo.draw import Pen, disc
from fkd_core.data.demo.render import render
from fkd_core.data.demo.shape import MEAN, Head, sample_head
from fkd_core.keypoints import COLUMNS, KEYPOINTS
from fkd_core.sources import PARTIAL

ROWS, COMPLETE_ROWS = 240, 83
CENTRES = list(PARTIAL.keypoints)
NOSE, LIP = KEYPOINTS.index("nose_tip"), KEYPOINTS.index("mouth_center_bottom_lip")


@pytest.fixture(scope="module")
def demo() -> Demo:
    return make_training(ROWS, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    write_demo(path, training=60, test=9, seed=1)
    return path


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def _table(path: Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def _labels(row: list[str]) -> np.ndarray:
    return np.array([float(cell) if cell else np.nan for cell in row]).reshape(15, 2)


def test_equal_seeds_give_equal_bytes_and_other_seeds_do_not(folder: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "same", training=60, test=9, seed=1)
    write_demo(tmp_path / "other", training=60, test=9, seed=2)
    first, same, other = (_bytes(f) for f in (folder, tmp_path / "same", tmp_path / "other"))
    assert same == first
    assert all(other[name] != first[name] for name in ("training.csv", "test.csv"))


def test_files_have_the_competition_s_headers_and_shape(folder: Path) -> None:
    training = _table(folder / "training.csv")
    test = _table(folder / "test.csv")
    assert training[0] == [*COLUMNS, "Image"]
    assert test[0] == ["ImageId", "Image"]
    assert len(training) == 61
    assert [row[0] for row in test[1:]] == [str(n) for n in range(1, 10)]
    for row in training[1:] + test[1:]:
        pixels = np.array(row[-1].split(" "), dtype=int)
        assert pixels.shape == (9216,)
        assert 0 <= pixels.min() < pixels.max() <= 255
    assert not any(b"\r" in data for data in _bytes(folder).values())


def test_written_rows_are_the_made_rows(folder: Path) -> None:
    made = make_training(60, seed=1)
    rows = _table(folder / "training.csv")[1:]
    labels = np.stack([_labels(row[:30]) for row in rows])
    images = np.array([row[-1].split(" ") for row in rows], dtype=int).reshape(-1, 96, 96)
    np.testing.assert_allclose(labels, made.labels, atol=1e-9)
    np.testing.assert_array_equal(images, made.images)


def test_lookup_asks_all_points_of_the_first_third_and_four_of_the_rest(folder: Path) -> None:
    lookup, sample = _table(folder / "IdLookupTable.csv"), _table(folder / "SampleSubmission.csv")
    assert lookup[0] == ["RowId", "ImageId", "FeatureName", "Location"]
    assert sample[0] == ["RowId", "Location"]
    assert [row[0] for row in lookup[1:]] == [str(n) for n in range(1, len(lookup))]
    assert [row[0] for row in sample] == [row[0] for row in lookup]
    asked = {n: [row[2] for row in lookup[1:] if row[1] == str(n)] for n in range(1, 10)}
    assert all(set(asked[n]) <= set(COLUMNS) and len(asked[n]) >= 24 for n in (1, 2, 3))
    four = [f"{KEYPOINTS[k]}_{axis}" for k in CENTRES for axis in "xy"]
    assert all(asked[n] == four for n in range(4, 10))


def test_missing_labels_come_in_the_competition_s_proportions(demo: Demo) -> None:
    given = np.isfinite(demo.labels).all(axis=2).sum(axis=1)
    assert 0.62 < np.mean(given == 4) < 0.68
    assert 0.29 < np.mean(given == 15) < 0.35
    assert 0.005 < np.mean(~np.isin(given, (4, 15))) < 0.04
    assert set(given[:COMPLETE_ROWS]) <= {15, 14, 13, 12, 11}
    assert set(given[COMPLETE_ROWS:]) <= {4, 3}
    others = np.delete(np.arange(15), CENTRES)
    assert np.isnan(demo.labels[COMPLETE_ROWS:][:, others]).all()
    np.testing.assert_array_equal(np.isnan(demo.labels[..., 0]), np.isnan(demo.labels[..., 1]))


def test_every_label_and_every_true_point_lies_in_the_picture(demo: Demo) -> None:
    for points in (demo.labels, demo.meant, demo.true):
        assert np.nanmin(points) >= 0.0
        assert np.nanmax(points) <= 95.0
    assert np.isfinite(demo.true).all()


def test_the_two_annotators_mean_different_places_and_the_second_is_noisier(demo: Demo) -> None:
    off = demo.meant - demo.true
    complete, partial = off[:COMPLETE_ROWS], off[COMPLETE_ROWS:]
    assert np.abs(np.nanmean(complete, axis=0)).max() < 0.5
    assert 4.0 < np.nanmean(partial[:, NOSE, 1]) < 9.0
    assert -7.5 < np.nanmean(partial[:, LIP, 1]) < -3.5
    eyes = [np.nanstd(part[:, :2]) for part in (complete, partial)]
    assert eyes[1] > 1.3 * eyes[0]


def test_photographs_recur_exactly_and_nearly_also_across_the_annotators(demo: Demo) -> None:
    flat = demo.images.reshape(ROWS, -1).astype(np.float32)
    apart = ((flat[:, None, ::7] - flat[None, :, ::7]) ** 2).mean(axis=2) ** 0.5
    apart[np.tril_indices(ROWS)] = np.inf
    exact = np.argwhere(apart == 0)
    near = np.argwhere((apart > 0) & (apart < 12))
    assert all((demo.images[a] == demo.images[b]).all() for a, b in exact)
    for pairs in (exact, near):
        kinds = {(bool(a < COMPLETE_ROWS), bool(b < COMPLETE_ROWS)) for a, b in pairs}
        assert {(True, True), (False, False), (True, False)} <= kinds
    a, b = next((a, b) for a, b in exact if b < COMPLETE_ROWS)
    assert np.nanmax(np.abs(demo.meant[a] - demo.meant[b])) > 0, "each label is made anew"
    assert len(exact) + len(near) < 0.1 * ROWS


def test_exactly_the_rows_of_the_truth_file_are_wrong(folder: Path) -> None:
    made = make_training(60, seed=1)
    truth = _table(folder / "demo_truth.csv")
    assert truth[0] == ["row", "wrong", *COLUMNS]
    training = np.stack([_labels(row[:30]) for row in _table(folder / "training.csv")[1:]])
    listed = {int(row[0]) - 1: _labels(row[2:]) for row in truth[1:]}
    differs = np.nanmax(np.abs(training - made.meant), axis=(1, 2)) > 1e-9
    assert set(np.flatnonzero(differs)) == set(listed)
    for row, meant in listed.items():
        np.testing.assert_allclose(meant, made.meant[row], atol=1e-9)
        error = np.nanmax(np.hypot(*(training[row] - meant).T))
        assert error > 4.0, f"row {row} is hardly wrong"
    assert {row[1] for row in truth[1:]} == set(module.WRONG)


def test_one_point_off_moves_one_point_and_a_swap_exchanges_two(demo: Demo) -> None:
    for row, kind in demo.wrong.items():
        moved = np.nansum(np.abs(demo.labels[row] - demo.meant[row]), axis=1) > 0
        if kind == "one_point_off":
            assert moved.sum() == 1
        if kind == "two_points_swapped":
            a, b = np.flatnonzero(moved)
            np.testing.assert_array_equal(demo.labels[row][[a, b]], demo.meant[row][[b, a]])


@pytest.mark.parametrize("place", [(0.0, 0.0), (7.3, -4.9), (-18.0, 20.25)])
def test_a_disc_is_drawn_where_its_point_is_said_to_lie(place: tuple[float, float]) -> None:
    head = Head(MEAN, yaw=0.0, pitch=0.0, roll=0.2, scale=1.1, centre=(48.3, 40.7))
    pen = Pen(head)
    at = np.array(place)
    pen.fill(disc(at, 3.0), 255.0, z=0.0)
    picture = cv2.resize(pen.canvas, (96, 96), interpolation=cv2.INTER_AREA).astype(float)
    y, x = np.mgrid[:96, :96]
    centroid = np.array([(picture * x).sum(), (picture * y).sum()]) / picture.sum()
    np.testing.assert_allclose(centroid, head.place(at[None], 0.0)[0], atol=0.06)


def test_keypoints_lie_on_the_drawn_features() -> None:
    patches = {name: [] for name in ("eye", "brow", "brow_up", "corner", "corner_out", "skin")}
    darker = []
    for face in range(60):
        rng = np.random.default_rng([9, face])
        head = sample_head(rng, loose=False)
        image = render(head, rng).astype(np.float32)
        span = image.std() + 1e-6

        def patch(at: np.ndarray, image: np.ndarray = image, span: float = span) -> np.ndarray:
            return cv2.getRectSubPix(image, (5, 5), tuple(at.astype(np.float32).tolist())) / span

        for eye, inner, outer in ((0, 2, 3), (1, 4, 5)):
            patches["eye"].append(patch(head.points[eye]))
            white = [patch((head.points[eye] + head.points[k]) / 2).mean() for k in (inner, outer)]
            darker.append(patch(head.points[eye]).mean() < np.mean(white))
        for inner, outer in ((6, 7), (8, 9)):
            middle = 0.9 * head.points[inner] + 0.1 * head.points[outer]
            patches["brow"].append(patch(middle))
            patches["brow_up"].append(patch(middle - [0.0, 7.0]))
        for corner, sign in ((11, 1.0), (12, -1.0)):
            patches["corner"].append(patch(head.points[corner]))
            patches["corner_out"].append(patch(head.points[corner] + [sign * 5.0, 0.0]))
    mean = {name: np.mean(found, axis=0) for name, found in patches.items() if found}
    assert np.mean(darker) > 0.8, "the pupil is darker than the rest of the eye"
    dark = mean["eye"].max() - mean["eye"]
    offset = np.arange(5) - 2.0
    assert abs((dark * offset).sum() / dark.sum()) < 0.35
    assert mean["brow"].mean() < mean["brow_up"].mean() - 0.1
    assert mean["corner"].mean() < mean["corner_out"].mean() - 0.1


def test_shapes_spread_as_in_the_competition() -> None:
    heads = [sample_head(np.random.default_rng([2, n]), loose=False) for n in range(300)]
    points = np.stack([head.points for head in heads])
    across = points[:, 0] - points[:, 1]
    tilt = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    assert 34.0 < np.hypot(*across.T).mean() < 38.0
    assert 3.0 < np.hypot(*across.T).std() < 5.0
    assert 4.0 < tilt.std() < 7.0
    assert (points[:, 0, 0] > points[:, 1, 0]).all(), "the subject's left eye is on the right"
    assert 3.0 < points.std(axis=0).mean() < 6.5


def test_a_finished_set_is_left_alone_and_a_damaged_one_is_redone(tmp_path: Path) -> None:
    write_demo(tmp_path, training=60, test=3)
    before, stamp = _bytes(tmp_path), (tmp_path / "training.csv").stat().st_mtime_ns
    write_demo(tmp_path, training=60, test=3)
    assert (tmp_path / "training.csv").stat().st_mtime_ns == stamp
    with open(tmp_path / "test.csv", "ab") as file:
        file.write(b"4,")
    write_demo(tmp_path, training=60, test=3)
    assert _bytes(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*FILES, module.FINISHED])


def test_a_crash_leaves_no_set_that_looks_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_demo(tmp_path, training=60, test=3)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "_write_requests", stop)
        with pytest.raises(KeyboardInterrupt):
            write_demo(tmp_path, training=61, test=3)
    assert not (tmp_path / module.FINISHED).exists()
    write_demo(tmp_path, training=61, test=3)
    assert len(_table(tmp_path / "training.csv")) == 62


def test_the_default_folder_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []
    monkeypatch.setattr(module, "write_demo", lambda folder: calls.append(folder))
    assert demo_folder(tmp_path) == calls[0]
    assert calls[0].parent == tmp_path


@pytest.mark.parametrize(("training", "test"), [(59, 9), (60, 2)])
def test_sizes_too_small_for_its_parts_are_refused(
    tmp_path: Path, training: int, test: int
) -> None:
    with pytest.raises(ValueError, match="at least"):
        write_demo(tmp_path / "none", training=training, test=test)
    assert not (tmp_path / "none").exists()
