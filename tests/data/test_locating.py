"""Where the competition's files may lie, in folders and in archives alike."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from competition_for_tests import FILES, zipped

from fkd_core.data.archive import chunks
from fkd_core.data.locating import Found, find
from fkd_core.errors import UserError

TRAINING = FILES["training.csv"]
LAYOUTS = {
    "as the competition packs it": {
        "training/training.csv": "training.csv",
        "test/test.csv": "test.csv",
        "IdLookupTable.csv": "IdLookupTable.csv",
        "SampleSubmission.csv": "SampleSubmission.csv",
    },
    "one folder around": {f"faces/{name}": name for name in FILES},
    "both": {f"faces/{Path(name).stem}/{name}": name for name in ("training.csv", "test.csv")}
    | {f"faces/{name}": name for name in ("IdLookupTable.csv", "SampleSubmission.csv")},
    "small letters": {name.lower(): name for name in FILES},
    "capitals": {name.upper(): name for name in FILES},
}


def lay(root: Path, layout: dict[str, bytes], form: str) -> Path:
    """The files in a folder, or in an archive with slashes or backslashes between names."""
    if form == "folder":
        for name, content in layout.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        return root
    path = root.parent / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in layout.items():
            entry = zipfile.ZipInfo(name)
            entry.filename = name.replace("/", "\\") if form == "backslashes" else name
            archive.writestr(entry, content)
    return path


def contents(found: Found) -> dict[str, bytes]:
    return {role: b"".join(chunks(stored)) for role, stored in found.files.items()}


@pytest.mark.parametrize("form", ["folder", "archive", "backslashes"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_usual_layout_is_found(layout: str, form: str, tmp_path: Path) -> None:
    files = {name: FILES[role] for name, role in LAYOUTS[layout].items()}
    found = find(lay(tmp_path / "data", files, form))
    assert contents(found) == FILES
    assert found.notes == ()


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_two_files_on_a_par_are_told_and_not_guessed(form: str, tmp_path: Path) -> None:
    files = {"old/training.csv": TRAINING, "new/training.csv": TRAINING}
    with pytest.raises(UserError, match=r"twice: .*new/training\.csv and .*old/training\.csv"):
        find(lay(tmp_path / "data", files, form))


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_the_higher_one_is_read_and_the_other_named(form: str, tmp_path: Path) -> None:
    files = {"training.csv": TRAINING, "old/training.csv": b"old"}
    found = find(lay(tmp_path / "data", files, form))
    assert contents(found) == {"training.csv": TRAINING}
    (note,) = found.notes
    assert note.endswith("old/training.csv is left.")


def test_plain_goes_before_zipped_and_that_before_the_download(tmp_path: Path) -> None:
    inner = zipped(training__csv=TRAINING)
    folder = lay(
        tmp_path / "data",
        {
            "training/training.csv": TRAINING,
            "training.zip": b"never opened",
            "facial-keypoints-detection (1).zip": zipped(
                training__zip=inner, test__csv=FILES["test.csv"]
            ),
        },
        "folder",
    )
    found = find(folder)
    assert contents(found) == {"training.csv": TRAINING, "test.csv": FILES["test.csv"]}
    assert len(found.notes) == 2
    assert found.notes[0] == "training/training.csv is read; training.zip is left."


def test_hidden_and_deep_folders_are_no_candidates(tmp_path: Path) -> None:
    folder = lay(tmp_path / "data", {"a/b/c/training.csv": TRAINING}, "folder")
    lay(folder, {".cache/training.csv": TRAINING, "__MACOSX/training.csv": b""}, "folder")
    with pytest.raises(UserError, match=r"holds no training\.csv"):
        find(folder)
