"""The version of code changes with what it does and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fkd_core.reach import code_version

CODE = '''"""What it is."""
RATE = 0.5
"""What the rate is."""


def double(x: int) -> int:
    """Twice x."""
    # Adding is enough.
    return x + x
'''


def version(folder: Path, text: str) -> str:
    path = folder / "code.py"
    path.write_text(text)
    return code_version(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What it is.", "What it was."),
        ('"""What the rate is."""\n', ""),
        ('    """Twice x."""\n', ""),
        ("# Adding is enough.", "# Or shift."),
        ("x + x", "(x  +  x)"),
        ("\n\n\n", "\n\n\n\n"),
    ],
)
def test_words_and_layout_do_not_count(old: str, new: str, tmp_path: Path) -> None:
    assert old in CODE
    assert version(tmp_path, CODE.replace(old, new)) == version(tmp_path, CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5", "0.6"),
        ("0.5", "0"),
        ("0.5", "False"),
        ("0.5", "'0.5'"),
        ("x + x", "x * x"),
        ("double", "twice"),
        ("return x + x", "x + x"),
        ("x: int", "x: float"),
    ],
)
def test_everything_that_runs_counts(old: str, new: str, tmp_path: Path) -> None:
    assert version(tmp_path, CODE.replace(old, new)) != version(tmp_path, CODE)


def test_zero_and_false_are_not_the_same(tmp_path: Path) -> None:
    versions = {version(tmp_path, f"x = {value}") for value in ("0", "False", "None", "''", "0.0")}
    assert len(versions) == 5


def test_the_order_and_place_of_files_do_not_count(tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.py").write_text("a = 1")
        (tmp_path / place / "b.py").write_text("b = 2")
    here, there = tmp_path / "here", tmp_path / "there"
    assert code_version(here / "a.py", here / "b.py") == code_version(
        there / "b.py", there / "a.py"
    )
    assert code_version(here) == code_version(there)


def test_a_folder_stands_for_every_file_below_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.py").write_text("a = 1")
    before = code_version(tmp_path)
    (tmp_path / "deep" / "b.py").write_text("b = 1")
    assert code_version(tmp_path) != before


def test_renaming_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a = 1")
    before = code_version(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert code_version(tmp_path) != before


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        code_version(tmp_path / "nowhere.py")
