"""A third source, from its own file to a submission: one entry and its reader, no more."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fkd_core.data.archive import Stored, chunks
from fkd_core.data.demo.files import make_training, write_demo
from fkd_core.data.folds import Split, split
from fkd_core.data.grouping import photographs
from fkd_core.data.kaggle import Competition, load_competition
from fkd_core.data.pixels import parse_pixels
from fkd_core.data.tables import Table
from fkd_core.ensemble.leaks import check_apart
from fkd_core.ensemble.submission import merged, requested_share, route, write_submission
from fkd_core.errors import UserError
from fkd_core.fitting.fit import fit
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.keypoints import KEYPOINTS
from fkd_core.models.lenet5 import LeNet5
from fkd_core.sources import PIPELINES, SOURCES, Source, add

OF_68 = {
    "left_eye_inner_corner": 42, "left_eye_outer_corner": 45, "right_eye_inner_corner": 39,
    "right_eye_outer_corner": 36, "nose_tip": 30, "mouth_left_corner": 54,
    "mouth_right_corner": 48, "mouth_center_top_lip": 51, "mouth_center_bottom_lip": 57,
}  # fmt: skip
"""Which of the 68 points are ours."""
NINE = tuple(sorted(KEYPOINTS.index(name) for name in OF_68))
FACES = 40


def read_68(stored: Stored) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Rows of 68 points and a picture, reduced to nine of the points."""
    columns = [f"{axis}{number}" for number in range(68) for axis in "xy"]
    table = Table(stored.name, chunks(stored), [*columns, "Image"])
    images, points = [], []
    for row, cells in table.rows():
        own = np.full((15, 2), np.nan, np.float32)
        for name, number in OF_68.items():
            for axis, letter in enumerate("xy"):
                column = f"{letter}{number}"
                cell = cells[table.place(column)]
                own[KEYPOINTS.index(name), axis] = table.coordinate(row, column, cell)
        images.append(np.reshape(parse_pixels(cells[table.place("Image")]), (96, 96)))
        points.append(own)
    return np.stack(images).astype(np.uint8), np.stack(points)


def just_nine(given: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wanted = np.isin(np.arange(len(KEYPOINTS)), NINE)
    return np.asarray((given == wanted).all(axis=1))


@pytest.fixture(scope="module", autouse=True)
def nine() -> Iterator[None]:
    """The entry; afterwards the tables are as they were."""
    before = dict(SOURCES), dict(PIPELINES)
    add(Source("nine", NINE, just_nine, file="points68.csv", read=read_68))
    yield
    for table, entries in zip((SOURCES, PIPELINES), before, strict=True):
        table.clear()
        table.update(entries)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demo faces of three sources, and one test image of which just the nine are requested."""
    folder = tmp_path_factory.mktemp("three")
    write_demo(folder, training=90, test=6)
    demo = make_training(100, seed=9)  # no two of the last ones show one head
    columns = [f"{axis}{number}" for number in range(68) for axis in "xy"]
    with open(folder / "points68.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "Image"])
        for image, true in zip(demo.images[-FACES:], demo.true[-FACES:], strict=True):
            points = np.zeros((68, 2))
            for name, number in OF_68.items():
                points[number] = true[KEYPOINTS.index(name)] + (0, 2)  # a style of its own
            pixels = " ".join(map(str, image.ravel().tolist()))
            writer.writerow([*(f"{value:.2f}" for value in points.ravel()), pixels])
    path = folder / "IdLookupTable.csv"
    lines = path.read_text().splitlines()
    header, kept = lines[0], [line.split(",") for line in lines[1:] if line.split(",")[1] != "6"]
    kept += [["", "6", f"{KEYPOINTS[k]}_{axis}", ""] for k in NINE for axis in "xy"]
    rows = [",".join([str(number), *cells[1:]]) for number, cells in enumerate(kept, start=1)]
    path.write_text("\n".join([header, *rows, ""]))
    (folder / "SampleSubmission.csv").unlink()
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Competition:
    return load_competition(folder, tmp_path_factory.mktemp("cache"))


def test_its_file_is_read_and_its_faces_follow_the_others(loaded: Competition) -> None:
    faces = loaded.training
    own = faces.source == 2
    assert own.sum() == FACES
    assert faces.row[own].tolist() == list(range(91, 91 + FACES))
    given = np.isfinite(faces.points[own]).all(axis=2)
    assert np.flatnonzero(given.all(axis=0)).tolist() == list(NINE)
    assert not np.delete(given, NINE, axis=1).any()
    assert f"{FACES} nine" in " ".join(loaded.notes)


def test_a_mistake_in_its_file_is_named(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / "points68.csv").read_text()
    cells = text.splitlines()[-1].split(",")
    cells[2 * OF_68["nose_tip"]] = "left"
    (tmp_path / "points68.csv").write_text(f"{text}{','.join(cells)}\n")
    with pytest.raises(UserError, match=r"points68\.csv, row 42, column x30"):
        load_competition(tmp_path, tmp_path / "cache")


def test_it_has_a_specialist_and_the_joint_pipeline_teaches_it_too(
    loaded: Competition, tmp_path: Path
) -> None:
    assert PIPELINES["nine"].outputs == 18
    joint = PIPELINES["joint"]
    assert joint.sources == ("complete", "partial", "nine")
    assert joint.outputs == 38 + 18
    assert joint.mirror[19:23] == (21, 22, 19, 20)  # the eyes' corners
    faces = loaded.training
    for fold in range(2):
        parts = split(faces, joint, Split("all", fold=fold))
        assert set(faces.source[parts.train]) == set(faces.source[parts.held_out]) == {0, 1, 2}
        side = np.full(len(faces), -1)
        side[parts.train], side[parts.held_out] = 0, 1
        check_apart(photographs(faces.images, tmp_path), [side], faces.row)


def test_a_joint_fit_answers_in_all_three_styles_up_to_the_submission(
    loaded: Competition, backend: str, tmp_path: Path
) -> None:
    assert loaded.lookup is not None
    assert loaded.test_ids is not None
    assert route(loaded.lookup)[6] == "nine"
    assert requested_share(loaded.lookup)["nine"] == 18
    spec = FitSpec(
        LeNet5.tiny(), "joint", Split("all"), Training(epochs=2, batch_size=16),
        backend=backend,  # type: ignore[arg-type]
    )  # fmt: skip
    result = fit(spec, loaded.training, others=loaded.test_images)
    assert isinstance(result, FitResult), result
    assert result.others is not None
    said = {name: result.others[:, spec.taught.of(name)] for name in SOURCES}
    locations = merged(loaded.lookup, loaded.test_ids, said)
    write_submission(tmp_path / "submission.csv", loaded.lookup, locations)
    own = loaded.lookup.image_id == 6
    wanted = said["nine"][loaded.test_ids == 6].clip(0, 96)
    np.testing.assert_allclose(locations[own], wanted.ravel(), atol=1e-4)
    assert result.labelled[:, spec.taught.of("nine")].any()
