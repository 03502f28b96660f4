"""Reading the competition's files: what is read, what is refused, and what is kept."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from competition_for_tests import (
    HEADER,
    LOOKUP,
    PIXELS,
    POINTS,
    RANDOM,
    ROWS,
    SAMPLE,
    TEST,
    text,
    write,
    zipped,
)
from faces_for_tests import MEAN_FACE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fkd_core.data import file_cache, kaggle
from fkd_core.data.kaggle import load_competition
from fkd_core.errors import UserError
from fkd_core.keypoints import COLUMNS, KEYPOINTS
from fkd_core.sources import PARTIAL

Spoil = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_values_arrive_where_they_belong(folder: Path, cache: Path) -> None:
    found = load_competition(folder, cache)
    assert np.array_equal(found.training.images.reshape(3, -1), RANDOM[:3])
    assert found.training.points[1, :, 0].tolist() == [30.0 + k for k in range(15)]
    assert found.training.points[1, :, 1].tolist() == [30.5 + k for k in range(15)]
    assert found.training.row.tolist() == [1, 2, 3]
    assert found.test_ids is not None
    assert found.test_ids.tolist() == [1, 7]
    assert found.test_images is not None
    assert np.array_equal(found.test_images.reshape(2, -1), RANDOM[[3, 0]])
    assert found.lookup is not None
    assert found.lookup.keypoint.tolist() == [KEYPOINTS.index("nose_tip")] * 3
    assert found.lookup.axis.tolist() == [0, 1, 0]
    assert found.lookup.image_id.tolist() == [1, 1, 7]


def test_only_training_is_needed(folder: Path, cache: Path) -> None:
    for name in ("test.csv", "IdLookupTable.csv", "SampleSubmission.csv"):
        (folder / name).unlink()
    found = load_competition(folder, cache)
    assert len(found.training) == 3
    assert found.test_images is found.test_ids is found.lookup is None


def nested(folder: Path) -> Path:
    """The one downloaded archive, with zips and plain files inside."""
    files = {p.name: p.read_bytes() for p in folder.iterdir()}
    path = folder.parent / "facial-keypoints-detection.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("training.zip", zipped(training__csv=files["training.csv"]))
        archive.writestr("test.csv.zip", zipped(test__csv=files["test.csv"]))
        archive.writestr("IdLookupTable.csv", files["IdLookupTable.csv"])
        archive.writestr("SampleSubmission.csv", files["SampleSubmission.csv"])
        archive.writestr("__MACOSX/._training.csv", b"junk")
    return path


def zips(folder: Path) -> Path:
    for name, packed in (("training", "training.zip"), ("test", "test.csv.zip")):
        content = (folder / f"{name}.csv").read_bytes()
        (folder / packed).write_bytes(zipped(**{f"{name}__csv": content}))
        (folder / f"{name}.csv").unlink()
    return folder


def download_in_folder(folder: Path) -> Path:
    path = nested(folder)
    for file in folder.iterdir():
        file.unlink()
    path.rename(folder / path.name)
    return folder


def windows(folder: Path) -> Path:
    for file in folder.iterdir():
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    return folder


def shuffled(folder: Path) -> Path:
    names = [*COLUMNS, "Image"]
    order = np.random.default_rng(1).permutation(len(names))
    rows = [dict(zip(names, row.split(","), strict=True)) for row in ROWS]
    lines = [",".join(row[names[k]] for k in order) for row in rows]
    header = ",".join(names[k] for k in order)
    (folder / "training.csv").write_bytes(text(header, *lines))
    return folder


def quoted(folder: Path) -> Path:
    lines = [f'{POINTS},"{pixels}"' for pixels in PIXELS[:3]]
    (folder / "training.csv").write_bytes(text(HEADER.replace("Image", '"Image"'), *lines))
    return folder


def untidy(folder: Path) -> Path:
    """No last line end, or blank lines after it; double blanks; leading zeros."""
    lines = [f"{POINTS},{p.replace(' ', '  ')} " for p in PIXELS[:2]] + [f"{POINTS},00{PIXELS[2]}"]
    (folder / "training.csv").write_bytes(text(HEADER, *lines) + b"\n \n")
    (folder / "test.csv").write_bytes(text(*TEST)[:-1])
    return folder


FORMS = (nested, zips, download_in_folder, windows, shuffled, quoted, untidy)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_of_the_files_reads_alike(
    form: Callable[[Path], Path], folder: Path, tmp_path: Path
) -> None:
    plain = load_competition(folder, tmp_path / "plain")
    other = load_competition(form(folder), tmp_path / "other")
    assert other.training.fingerprint == plain.training.fingerprint
    assert other.test_images is not None
    assert plain.test_images is not None
    assert np.array_equal(other.test_images, plain.test_images)
    assert other.lookup is not None


def training(*lines: str) -> Spoil:
    return lambda folder: void((folder / "training.csv").write_bytes(text(*lines)))


def put(name: str, content: bytes) -> Spoil:
    return lambda folder: void((folder / name).write_bytes(content))


def packed(content: bytes) -> Spoil:
    """training.csv gives way to a training.zip."""

    def spoil(folder: Path) -> None:
        (folder / "training.csv").unlink()
        (folder / "training.zip").write_bytes(content)

    return spoil


def void(_: object) -> None:
    return None


def cell(column: str, value: str) -> str:
    cells = ROWS[1].split(",")
    cells[[*COLUMNS, "Image"].index(column)] = value
    return ",".join(cells)


def encrypted() -> bytes:
    content = bytearray(zipped(training__csv=text(HEADER, *ROWS)))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def flipped() -> bytes:
    content = bytearray(zipped(training__csv=text(HEADER, *ROWS)))
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


GOOD = text(HEADER, *ROWS)
SHORT, LONG = PIXELS[1].rsplit(" ", 1)[0], PIXELS[1] + " 0"
IN_ROW_3 = "training.csv, row 3, column "
BAD: dict[str, tuple[Spoil, str]] = {
    "lost column": (
        training(HEADER.replace("nose_tip_x,", ""), *ROWS),
        "row 1: column nose_tip_x",
    ),
    "no image column": (training(HEADER.replace(",Image", ""), *ROWS), "row 1: column Image"),
    "extra column": (training(HEADER + ",age", *ROWS), "row 1, column 32: 'age'"),
    "doubled column": (training(HEADER + ",Image", *ROWS), "row 1, column 32: 'Image'"),
    "headless": (training(*ROWS), "row 1: numbers stand where the names"),
    "9215 pixels": (training(HEADER, ROWS[0], f"{POINTS},{SHORT}"), IN_ROW_3 + "Image: 9215"),
    "9217 pixels": (training(HEADER, ROWS[0], f"{POINTS},{LONG}"), IN_ROW_3 + "Image: 9217"),
    "pixel 256": (training(HEADER, ROWS[0], cell("Image", "256" + PIXELS[1][3:])), IN_ROW_3),
    "pixel 1000": (training(HEADER, ROWS[0], cell("Image", "1000 " + SHORT)), "pixel 1 is 1000"),
    "pixel -1": (training(HEADER, ROWS[0], cell("Image", "-1 " + SHORT)), "pixel 1 is '-1'"),
    "pixel word": (training(HEADER, ROWS[0], cell("Image", SHORT + " x")), "pixel 9216 is 'x'"),
    "pixel half": (training(HEADER, ROWS[0], cell("Image", "0.5 " + SHORT)), "pixel 1 is '0.5'"),
    "no pixels": (training(HEADER, ROWS[0], cell("Image", "")), IN_ROW_3 + "Image: 0 pixels"),
    "coordinate inf": (
        training(HEADER, ROWS[0], cell("nose_tip_x", "inf")),
        IN_ROW_3 + "nose_tip_x",
    ),
    "coordinate far": (training(HEADER, ROWS[0], cell("nose_tip_x", "500")), "far outside"),
    "coordinate low": (training(HEADER, ROWS[0], cell("nose_tip_x", "-96.1")), "far outside"),
    "coordinate word": (training(HEADER, ROWS[0], cell("nose_tip_x", "left")), "'left' is not"),
    "coordinate 1_0": (training(HEADER, ROWS[0], cell("nose_tip_x", "1_0")), "'1_0' is not"),
    "short row": (training(HEADER, ROWS[0], ROWS[1].split(",", 1)[1]), "row 3, column"),
    "long row": (training(HEADER, ROWS[0], "1," + ROWS[1]), "row has 32 cells"),
    "empty file": (put("training.csv", b""), "training.csv is empty"),
    "blank file": (put("training.csv", b"\n"), "training.csv is empty"),
    "header alone": (training(HEADER), "no rows"),
    "cut in pixels": (put("training.csv", GOOD[:-20000]), "row 4, column Image"),
    "cut in points": (put("training.csv", GOOD[: GOOD.rindex(b"44.5")]), "row 4, column"),
    "utf-16": (put("training.csv", GOOD.decode().encode("utf-16")), "UTF-8"),
    "utf-16 without mark": (put("training.csv", GOOD.decode().encode("utf-16-le")), "zero bytes"),
    "latin-1": (put("training.csv", "né,".encode("latin-1") + GOOD), "UTF-8"),
    "binary": (put("training.csv", bytes(range(256)) * 9000), "not a text file"),
    "endless row": (put("training.csv", GOOD + b"1" * (4 << 20)), "does not end"),
    "doubled ImageId": (
        put("test.csv", text(*TEST, TEST[1])),
        "test.csv, row 4, column ImageId: 1",
    ),
    "ImageId word": (put("test.csv", text(TEST[0], "x" + TEST[1])), "row 2, column ImageId"),
    "ImageId huge": (
        put("test.csv", text(TEST[0], "9" * 5000 + TEST[1])),
        "row 2, column ImageId",
    ),
    "test pixels": (
        put("test.csv", text(TEST[0], "1," + SHORT)),
        "test.csv, row 2, column Image: 9215",
    ),
    "test with labels": (put("test.csv", GOOD), "test.csv, row 1: these are the columns of t"),
    "unknown feature": (
        put("IdLookupTable.csv", text(LOOKUP[0], "1,1,ear_x,")),
        "IdLookupTable.csv, row 2, column FeatureName: 'ear_x'",
    ),
    "doubled RowId": (
        put("IdLookupTable.csv", text(*LOOKUP, LOOKUP[1])),
        "row 5, column RowId: 1",
    ),
    "ImageId not in test": (
        put("IdLookupTable.csv", text(*LOOKUP, "9,3,nose_tip_x,")),
        "IdLookupTable.csv, row 5, column ImageId: 3",
    ),
    "sample cut short": (put("SampleSubmission.csv", text(*SAMPLE[:-1])), "RowId 3"),
    "sample too long": (
        put("SampleSubmission.csv", text(*SAMPLE, "4,0")),
        "row 5, column RowId: 4",
    ),
    "sample word": (
        put("SampleSubmission.csv", text(SAMPLE[0], "1,left")),
        "row 2, column Location",
    ),
    "not a zip": (packed(b"not a zip"), "training.zip is text and no zip archive"),
    "empty zip": (packed(b""), "training.zip is empty"),
    "zip without csv": (packed(zipped(readme=b"hello")), "holds no training.csv"),
    "zip with another csv": (packed(zipped(test__csv=GOOD)), "but test.csv"),
    "zip with several": (packed(zipped(training__csv=GOOD, a__csv=GOOD)), "several csv"),
    "cut zip": (packed(zipped(training__csv=GOOD)[:-4000]), "training.zip is damaged"),
    "flipped zip": (packed(flipped()), "is damaged"),
    "encrypted zip": (packed(encrypted()), "encrypted"),
    "path traversal": (packed(zipped(**{"../training__csv": GOOD})), "points outside"),
    "absolute path": (packed(zipped(**{"/etc/training__csv": GOOD})), "points outside"),
    "windows path": (packed(zipped(**{"C:\\training__csv": GOOD})), "points outside"),
    "zip bomb": (packed(zipped(training__csv=bytes(32 << 20))), "would unpack"),
    "no training": (lambda folder: (folder / "training.csv").unlink(), "holds no training.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gives_one_error_and_leaves_no_half_written_cache(
    case: str, folder: Path, cache: Path
) -> None:
    spoil, words = BAD[case]
    spoil(folder)
    with pytest.raises(UserError) as caught:
        load_competition(folder, cache)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(cache.rglob("*.part*"))
    write(folder)
    (folder / "training.zip").unlink(missing_ok=True)
    assert len(load_competition(folder, cache).training) == 3


def test_the_whole_zip_bomb_is_never_unpacked_whatever_its_header_says(
    folder: Path, cache: Path
) -> None:
    content = bytearray(zipped(training__csv=bytes(32 << 20)))
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (1000).to_bytes(4, "little")
    packed(bytes(content))(folder)
    with pytest.raises(UserError, match=r"training\.zip"):
        load_competition(folder, cache)


@pytest.mark.parametrize("name", ["nowhere", "data/training.csv"])
def test_a_path_that_is_neither_folder_nor_archive_is_an_error(
    name: str, folder: Path, cache: Path
) -> None:
    with pytest.raises(UserError, match="folder"):
        load_competition(folder.parent / name, cache)


FUZZ = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 40),
        st.binary(max_size=12)
        | st.sampled_from(
            [b"\n", b",", b" ", b'"', b"\r", b"-", b"\0", b"\xff", b"1e999", b"PK\x01\x02"]
        ),
    ),
    max_size=4,
)


def edited(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for where, cut, new in edits:
        at = int(where * len(content))
        content = content[:at] + new + content[at + cut :]
    return content


def survives(folder: Path, cache: Path) -> None:
    try:
        found = load_competition(folder, cache)
    except UserError:
        pass
    else:
        assert len(found.training) >= 1
        assert np.nanmax(np.abs(found.training.points), initial=0) <= 192
    assert not list(cache.rglob("*.part*"))


@FUZZ
@given(raw=st.binary(max_size=300), edits=EDITS, whole=st.booleans())
def test_any_bytes_give_faces_or_a_user_error(
    folder: Path, cache: Path, raw: bytes, edits: list[tuple[float, int, bytes]], whole: bool
) -> None:
    content = edited(GOOD, edits) if whole else HEADER.encode() + b"\n" + raw
    (folder / "training.csv").write_bytes(content)
    survives(folder, cache)


@FUZZ
@given(raw=st.binary(max_size=200), edits=EDITS)
def test_any_lookup_and_sample_give_a_result_or_a_user_error(
    folder: Path, cache: Path, raw: bytes, edits: list[tuple[float, int, bytes]]
) -> None:
    (folder / "IdLookupTable.csv").write_bytes(edited(text(*LOOKUP), edits))
    (folder / "SampleSubmission.csv").write_bytes(text(*SAMPLE) + raw)
    survives(folder, cache)


@FUZZ
@given(raw=st.binary(max_size=200), edits=EDITS, tail=EDITS)
def test_any_archive_gives_faces_or_a_user_error(
    folder: Path,
    cache: Path,
    raw: bytes,
    edits: list[tuple[float, int, bytes]],
    tail: list[tuple[float, int, bytes]],
) -> None:
    """Most of a zip is packed pixels: its directory, at the end, gets edits of its own."""
    (folder / "training.csv").unlink(missing_ok=True)
    content = zipped(training__csv=GOOD)
    at = content.index(b"PK\x01\x02")
    (folder / "training.zip").write_bytes(
        edited(content[:at], edits[:1]) + edited(content[at:], tail) + raw
    )
    survives(folder, cache)


def test_a_second_load_parses_nothing_and_maps_the_images(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(9)
    points = (MEAN_FACE + random.uniform(-5, 5, (134, 15, 2))).reshape(134, 30).round(3)
    pictures = PIXELS + [" ".join(map(str, row)) for row in random.integers(0, 256, (130, 9216))]
    many = [f"{','.join(map(str, p))},{row}" for p, row in zip(points, pictures, strict=True)]
    training(HEADER, *many)(folder)
    first = load_competition(folder, cache)

    def never(*_: object) -> None:
        raise AssertionError("parsed again")

    for name in ("parse_images", "parse_lookup", "parse_sample", "clean"):
        monkeypatch.setattr(kaggle, name, never)
    second = load_competition(folder, cache)
    assert second.training.fingerprint == first.training.fingerprint
    assert second.notes == first.notes
    assert isinstance(second.training.images, np.memmap)
    assert not second.training.points.flags.writeable


def test_whoever_only_looks_leaves_nothing_and_finds_what_is_kept(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = load_competition(folder, cache, look_only=True)
    assert not cache.exists()
    kept = load_competition(folder, cache)
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    monkeypatch.setattr(kaggle, "clean", None)  # what is kept is not made again
    again = load_competition(folder, cache, look_only=True)
    assert looked.training.fingerprint == kept.training.fingerprint == again.training.fingerprint
    assert looked.notes == again.notes
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def test_a_changed_file_is_read_anew(folder: Path, cache: Path) -> None:
    load_competition(folder, cache)
    training(HEADER, *ROWS[:2])(folder)
    assert len(load_competition(folder, cache).training) == 2


def test_an_unchanged_file_is_not_hashed_again_and_a_changed_one_is(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    real = file_cache.sha256_of
    monkeypatch.setattr(file_cache, "_SETTLED_NS", -1)
    monkeypatch.setattr(file_cache, "sha256_of", lambda p: hashed.append(p.name) or real(p))
    load_competition(folder, cache)
    assert len(hashed) == 4
    load_competition(folder, cache)
    assert len(hashed) == 4
    training(HEADER, *ROWS[::-1])(folder)
    found = load_competition(folder, cache)
    assert hashed[4:] == ["training.csv"]
    assert np.array_equal(found.training.images.reshape(3, -1), RANDOM[2::-1])
    (cache / "index.json").write_text("[1, {")
    assert load_competition(folder, cache).training.fingerprint == found.training.fingerprint


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-50] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink], ids=["cut", "flipped", "lost"])
@pytest.mark.parametrize("name", ["images.npy", "points.npy", "facts.json"])
def test_a_damaged_cache_is_noticed_and_redone(
    name: str, damage: Callable[[Path], None], folder: Path, cache: Path
) -> None:
    first = load_competition(folder, cache)
    whole = first.training.fingerprint
    (path,) = cache.glob(f"training-*/{name}")
    content = path.read_bytes()
    damage(path)
    assert load_competition(folder, cache).training.fingerprint == whole
    assert path.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_a_user_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="cache"):
        load_competition(folder, tmp_path / "file")


def test_notes_say_that_files_are_not_the_official_ones(folder: Path, cache: Path) -> None:
    notes = load_competition(folder, cache).notes
    assert sum("is not the competition's own file" in note for note in notes) == 4


def test_test_images_that_equal_training_images_are_counted(folder: Path, cache: Path) -> None:
    notes = load_competition(folder, cache).notes
    assert any(
        note.startswith("1 test images equal training images (ImageId 7)") for note in notes
    )
    (folder / "test.csv").write_bytes(text(*TEST[:2]))
    (folder / "IdLookupTable.csv").unlink()
    notes = load_competition(folder, cache).notes
    assert not any("equal training images" in note for note in notes)


def test_test_images_that_nothing_is_asked_of_are_counted(folder: Path, cache: Path) -> None:
    (folder / "IdLookupTable.csv").write_bytes(text(*LOOKUP[:3]))
    (folder / "SampleSubmission.csv").unlink()
    notes = load_competition(folder, cache).notes
    assert "IdLookupTable.csv asks nothing of 1 test images (ImageId 7): is it cut short?" in notes


def test_labels_in_another_scale_are_one_error(folder: Path, cache: Path) -> None:
    scaled = ",".join(f"{value:.4f}" for value in MEAN_FACE.ravel() / 96)
    training(HEADER, *[f"{scaled},{PIXELS[0]}"] * 3)(folder)
    notes = load_competition(folder, cache).notes
    assert any("3 of 3 labelled rows" in note and "too few" in note for note in notes)
    random = np.random.default_rng(3)
    faces = (MEAN_FACE + random.normal(0, 2, (20, 15, 2))).reshape(20, 30) / 96
    training(HEADER, *(f"{','.join(map(str, face))},{PIXELS[0]}" for face in faces))(folder)
    with pytest.raises(UserError, match=r"training\.csv: in 20 of 20 labelled rows"):
        load_competition(folder, cache)


def test_a_corrections_table_changes_labels_and_is_counted(folder: Path, cache: Path) -> None:
    before = load_competition(folder, cache)
    digest = hashlib.sha256(RANDOM[1].astype(np.uint8).tobytes()).hexdigest()
    table = folder.parent / "fixes.csv"
    table.write_bytes(
        text(
            "image,keypoint,x,y,version",
            f"{digest},nose_tip,12.5,80,3",
            f"{digest},mouth_left_corner,,,3",
            f"{'0' * 64},nose_tip,1,1,3",
        )
    )
    after = load_competition(folder, cache, table)
    assert after.training.points[1, KEYPOINTS.index("nose_tip")].tolist() == [12.5, 80.0]
    assert np.isnan(after.training.points[1, KEYPOINTS.index("mouth_left_corner")]).all()
    assert np.array_equal(after.training.points[0], before.training.points[0])
    assert any(
        "Corrected 2 labels" in n and "version 3" in n and "1 fit" in n for n in after.notes
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("abc,nose_tip,1,1,1", "row 2, column image"),
        ("H,nose,1,1,1", "row 2, column keypoint"),
        ("H,nose_tip,inf,1,1", "row 2, column x"),
        ("H,nose_tip,1,,1", "row 2, column y"),
        ("H,nose_tip,1,1,", "row 2, column version"),
        ("H,nose_tip,1,1,1\nH,nose_tip,2,2,1", "row 3, column keypoint"),
        ("H,nose_tip,1,1,1\nH,left_eye_center,2,2,2", "row 3, column version"),
    ],
)
def test_a_bad_corrections_table_is_one_error(
    line: str, words: str, folder: Path, cache: Path
) -> None:
    table = folder.parent / "fixes.csv"
    table.write_bytes(text("image,keypoint,x,y,version", line.replace("H", "a" * 64)))
    with pytest.raises(UserError, match=words):
        load_competition(folder, cache, table)


def test_a_face_with_partial_labels_alone_is_partial(folder: Path, cache: Path) -> None:
    names = {f"{KEYPOINTS[k]}_{axis}" for k in PARTIAL.keypoints for axis in "xy"}
    sparse = ",".join("40" if column in names else "" for column in COLUMNS)
    training(HEADER, f"{sparse},{PIXELS[0]}", ROWS[1])(folder)
    faces = load_competition(folder, cache).training
    assert faces.source.tolist() == [1, 0]
    assert np.isnan(faces.points[0]).all(axis=1).sum() == 11


LABELS = Path(__file__).parents[2] / ".." / "shared" / "data" / "kaggle_labels"


@pytest.mark.skipif(not LABELS.is_dir(), reason="needs shared labels")
def test_the_official_lookup_table_is_read_and_known(cache: Path, folder: Path) -> None:
    """Its rows have three cells under a header of four."""
    for name in ("test.csv", "SampleSubmission.csv"):
        (folder / name).unlink()
    (folder / "IdLookupTable.csv").write_bytes((LABELS / "IdLookupTable.csv").read_bytes())
    found = load_competition(folder, cache)
    assert found.lookup is not None
    assert len(found.lookup.row_id) == 27124
    assert (found.lookup.image_id <= 591).sum() == 17592
    assert any("IdLookupTable.csv is the official file" in note for note in found.notes)
