"""What lies there instead of a file that is wanted: read where it is sure, else named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from competition_for_tests import FILES, zipped

from fkd_core.data.archive import chunks
from fkd_core.data.locating import Found, find
from fkd_core.errors import UserError

TRAINING = FILES["training.csv"]


def zip_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(found: Found) -> dict[str, bytes]:
    return {role: b"".join(chunks(stored)) for role, stored in found.files.items()}


READ = {
    "gz": {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()},
    "bz2": {f"{name}.bz2": bz2.compress(content) for name, content in FILES.items()},
    "xz": {f"{name}.XZ": lzma.compress(content) for name, content in FILES.items()},
    "an archive of any name": {"a/data.zip": zip_of(FILES)},
    "an archive of packed files": {
        "archive.zip": zip_of({f"x/{name}.gz": gzip.compress(c) for name, c in FILES.items()})
    },
    "a folder by each name": {f"{name}/{name}": content for name, content in FILES.items()},
    "beside what macOS adds": {
        f"{Path(name).stem}.zip": zip_of({f"._{name}": b"x", name: content})
        for name, content in FILES.items()
    },
}


@pytest.mark.parametrize("case", READ)
def test_what_is_surely_meant_is_read(case: str, tmp_path: Path) -> None:
    found = find(lay(tmp_path, READ[case]))
    assert contents(found) == FILES
    assert found.notes == ()


def test_plain_goes_before_packed(tmp_path: Path) -> None:
    files = {"training.csv": TRAINING, "training.csv.gz": b"", "old.zip": zip_of(FILES)}
    found = find(lay(tmp_path, files))
    assert contents(found) == {"training.csv": TRAINING}
    assert found.notes == ("training.csv is read; training.csv.gz is left.",)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("training.tar.gz", "unpack it"),
        ("training.7z", "unpack it"),
        ("training.csv.zst", "unpack it"),
        ("training.zip.001", "join its parts"),
        ("training.parquet", "save it as CSV, called training.csv"),
        ("training.xlsx", "save it as CSV, called training.csv"),
        ("training.tsv", "save it as CSV, called training.csv"),
        ("training.csv.txt", "call it training.csv"),
        ("training.csv ", "call it training.csv"),
        ("training (1).csv", "call it training.csv"),
        ("Training - Copy.csv", "call it training.csv"),
        ("train.csv", "call it training.csv"),
        ("training", "call it training.csv"),
        (".training.csv.icloud", "let its download end"),
        ("training.zip.crdownload", "let its download end"),
        ("a/b/c/training.csv", "it lies too deep"),
        ("a/b/c/training.csv.gz", "it lies too deep"),
        ("faces.7z", "if the files are in it, unpack it"),
    ],
)
def test_what_may_be_meant_is_named_with_what_to_do(
    name: str, advice: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        find(lay(tmp_path, {name: TRAINING, "._training.csv": b"", "test.csv.gz": b""}))
    assert f"holds no training.csv (nor training.zip); {name} is there: {advice}" in str(
        caught.value
    )


@pytest.mark.parametrize("name", ["train.py", "notes.txt", "latest.png", "._training.csv"])
def test_what_means_something_else_is_not_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\(nor training\.zip\); download it"):
        find(lay(tmp_path, {name: b""}))


def test_a_zip_in_a_zip_is_told(tmp_path: Path) -> None:
    lay(tmp_path, {"outer.zip": zip_of({"inner.zip": zip_of(FILES)})})
    with pytest.raises(UserError, match=r"outer\.zip is there: if the files are in it, unpack it"):
        find(tmp_path)
    with pytest.raises(UserError, match=r"inner\.zip is there: if the files are in it, unpack it"):
        find(tmp_path / "outer.zip")
    lay(tmp_path, {"training.zip": zip_of({"training.zip": zipped(training__csv=TRAINING)})})
    with pytest.raises(UserError, match=r"holds no training\.csv, but training\.zip; unpack it"):
        find(tmp_path)


def test_two_archives_that_hold_it_are_told(tmp_path: Path) -> None:
    lay(tmp_path, {"a.zip": zip_of(FILES), "b.zip": zip_of(FILES)})
    with pytest.raises(UserError, match=r"twice: a\.zip/training\.csv and b\.zip/training\.csv"):
        find(tmp_path)


def test_a_part_of_an_archive_is_told(tmp_path: Path) -> None:
    lay(tmp_path, {"training.zip": zipped(training__csv=TRAINING)[-999:], "training.z01": b"PK"})
    with pytest.raises(UserError, match=r"is the last part of several, .* training\.z01; join"):
        find(tmp_path)


NO_ZIP = {
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(99), "a 7z archive; unpack it"),
    "tar and gzip": (gzip.compress(TRAINING), "packed with gzip; unpack it"),
    "a page": (b"<!DOCTYPE html>\n<html>", "a web page .* log in and download it again"),
    "text": (TRAINING, r"text and no zip archive; .* Let its name end in \.csv"),
    "nothing": (b"", "empty; download it again"),
    "cut": (zipped(training__csv=TRAINING)[:-999], "damaged"),
}


@pytest.mark.parametrize("case", NO_ZIP)
@pytest.mark.parametrize("name", ["training.zip", "facial-keypoints-detection.zip"])
def test_what_is_called_zip_and_is_none_is_called_what_it_is(
    name: str, case: str, tmp_path: Path
) -> None:
    content, words = NO_ZIP[case]
    with pytest.raises(UserError, match=f"{name} is {words}"):
        find(lay(tmp_path, {name: content}))
    packed = tmp_path / "whole.zip"
    packed.write_bytes(zip_of({"training.zip": content}))
    with pytest.raises(UserError, match=f"whole.zip/training.zip is {words}"):
        find(packed)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_a_file_that_was_unpacked_and_kept_its_name_is_read(ending: str, tmp_path: Path) -> None:
    found = find(lay(tmp_path, {f"{name}.{ending}": content for name, content in FILES.items()}))
    assert contents(found) == FILES


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_an_archive_under_the_name_of_a_packed_file_is_told(ending: str, tmp_path: Path) -> None:
    found = find(lay(tmp_path, {f"training.csv.{ending}": zip_of(FILES)}))
    with pytest.raises(UserError, match=rf"training\.csv\.{ending} is a zip archive"):
        list(chunks(found.files["training.csv"]))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_not_unpacked(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    ending = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]
    packed = pack(bytes(32 << 20))
    lay(tmp_path, {f"training.csv.{ending}": packed})
    got = 0
    with pytest.raises(UserError, match="is refused: it would unpack from"):  # noqa: PT012
        for chunk in chunks(find(tmp_path).files["training.csv"]):
            got += len(chunk)
    assert got <= max(16 << 20, 100 * len(packed))


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("damage", [lambda c: b"no" + c, lambda c: c[:-99]], ids=["no", "cut"])
def test_a_damaged_one_is_told(
    damage: Callable[[bytes], bytes], ending: str, tmp_path: Path
) -> None:
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[ending]
    lay(tmp_path, {f"training.csv.{ending}": damage(pack(TRAINING))})
    with pytest.raises(UserError, match=rf"training\.csv\.{ending} is damaged"):
        list(chunks(find(tmp_path).files["training.csv"]))


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder": (lambda path: path.mkdir(), "a folder"),
    "pipe": (os.mkfifo, "a pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "a device"),
    "broken link": (lambda path: path.symlink_to("there"), "a link to there, which is not there"),
    "link to itself": (lambda path: path.symlink_to(path.name), "a link to"),
}


@pytest.mark.parametrize("name", ["training.csv", "test.csv", "idlookuptable.csv", "test.zip"])
@pytest.mark.parametrize("case", ODD)
def test_what_has_the_name_and_is_no_file_is_an_error(
    case: str, name: str, tmp_path: Path
) -> None:
    make, words = ODD[case]
    if name != "training.csv":
        lay(tmp_path, {"training.csv": TRAINING})
    make(tmp_path / name)
    with pytest.raises(UserError, match=f"{name} is {words}.*; put the file itself there"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("IdLookupTable (1).csv", "IdLookupTable.csv"),
        ("ID_lookup_table.csv", "IdLookupTable.csv"),
        ("test (1).csv", "test.csv"),
        ("test.csv.txt", "test.csv"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_note_names_what_may_be_meant_by_a_file_that_is_missing(
    packed: bool, name: str, role: str, tmp_path: Path
) -> None:
    files = {"training.csv": TRAINING, name: FILES[role]}
    folder = lay(tmp_path, {"all.zip": zip_of(files)} if packed else files)
    (note,) = find(folder / "all.zip" if packed else folder).notes
    assert note == f"There is no {role}, but {name} is there: call it {role}."


@pytest.mark.parametrize("name", ["latest.csv", "test.py", "TEST.md", "submission.csv"])
def test_no_note_names_what_means_something_else(name: str, tmp_path: Path) -> None:
    assert find(lay(tmp_path, {"training.csv": TRAINING, name: b""})).notes == ()


def test_a_folder_that_leads_to_itself_is_looked_into_once(tmp_path: Path) -> None:
    lay(tmp_path / "data", FILES)
    (tmp_path / "data" / "self").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "up").symlink_to(tmp_path)
    found = find(tmp_path / "data")
    assert contents(found) == FILES
    assert found.notes == ()


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def tar(folder: Path) -> Path:
    with tarfile.open(folder / "faces.tar", "w"):
        pass
    return folder / "faces.tar"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (pipe, "is a pipe, neither a folder nor"),
        (lambda _: Path("/dev/null"), "/dev/null is a device, neither"),
        (lambda folder: lay(folder, FILES) / "training.csv", "is one file; give the folder"),
        (lambda folder: lay(folder, {"x.csv.gz": b""}) / "x.csv.gz", "is one file; give the fold"),
        (lambda folder: lay(folder, {"x.7z": b"7z\xbc\xaf\x27\x1c"}) / "x.7z", "is a 7z archive"),
        (lambda folder: lay(folder, {"x.zip": b"PK\3\4"}) / "x.zip", "nor an intact zip archive"),
        (lambda _: Path("https://a.example/x.zip"), "https://a.example/x.zip is an address"),
        (lambda folder: folder / "nowhere", "does not exist"),
    ],
)
def test_data_that_are_no_folder_are_called_what_they_are(
    path: Callable[[Path], Path], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        find(path(tmp_path))
    assert words in str(caught.value)
