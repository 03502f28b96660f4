"""What a command needs is said in its first second, all of it in one error, or before the rest."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fkd_core import command, needs
from fkd_core.errors import UserError
from fkd_core.needs import Need
from fkd_core.shared_options import Options

ROOT = Path(__file__).parents[1]


def test_all_that_lacks_is_said_at_once_with_what_to_do() -> None:
    lacking = [
        Need("--storage", lambda: "psycopg is not installed", "install it"),
        Need("--data", lambda: "", "never said"),
        Need("--results", lambda: "only 3 MB are free", "free some"),
    ]
    with pytest.raises(UserError) as told:
        needs.check(lacking)
    assert str(told.value) == (
        "--storage: psycopg is not installed; install it. --results: only 3 MB are free; free some"
    )


@pytest.mark.parametrize(
    ("need", "words"),
    [
        (lambda: needs.storage("postgresql+psycopg://u@h/d"), 'psycopg .*"\\.\\[postgres\\]"'),
        (lambda: needs.storage("postgresql+pg8000://u@h/d"), r"pg8000 .*postgresql\+psycopg"),
        (lambda: needs.export("onnx"), 'onnx and onnxruntime and tf2onnx .*"\\.\\[export\\]"'),
        (lambda: needs.backend("jax", "conv5"), 'conv5: jax and jaxlib .*"\\.\\[jax\\]"'),
        (lambda: [needs.detector()], "weights are not there; run pip install face-detection"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_what_installs_it(
    need: object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=words):
        needs.check(need())  # type: ignore[operator]


def test_what_is_installed_here_lacks_nothing() -> None:
    found = [*needs.storage("postgresql://u@h/d"), *needs.export("onnx"), needs.detector()]
    needs.check([*found, *needs.backend("jax", "a fit")])
    assert len(found) == 3
    assert needs.storage("sqlite:///x.db") + needs.storage(None) + needs.export("tflite") == []


def test_an_address_is_no_folder_to_write_to() -> None:
    with pytest.raises(
        UserError, match=r"^--results: s3://bucket/x is an address, .*; give anoth"
    ):
        needs.check([needs.writable(Path("s3://bucket/x"), "--results")])


def test_a_full_disk_and_a_folder_that_is_none_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_000))
    with pytest.raises(UserError, match=r"--results: only 3 MB are free at .*free 1 GB"):
        needs.check([needs.room(tmp_path / "not" / "yet")])
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"--out: .* cannot be a folder"):
        needs.check([needs.writable(tmp_path / "file" / "below", "--out")])


def test_a_folder_for_temporary_files_that_cannot_be_one_is_said_before_any_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Options(data=tmp_path / "nowhere", results=tmp_path)
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"^TMPDIR: .*file cannot be a folder.*; give another fol"):
        command.begin(asked)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(needs, "PASSING_ROOM", 10**18)
    with pytest.raises(UserError, match=r"^TMPDIR: only .* are free at .*give another folder"):
        command.begin(asked)


def test_a_cluster_that_does_not_answer_is_said_before_any_file_is_read(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    asked = Options(data=tmp_path / "nowhere", results=tmp_path, address=f"127.0.0.1:{port}")
    with pytest.raises(UserError, match=f"no Ray cluster answers at 127.0.0.1:{port}"):
        command.begin(asked)
    assert needs.cluster("auto") == needs.cluster(None) == []


@pytest.mark.parametrize(
    ("page", "system"),
    [("search_augment", "linux"), ("predict", "linux"), ("predict", "win32")],
)
def test_a_python_without_the_packages_says_so_in_one_line(
    page: str, system: str, tmp_path: Path
) -> None:
    path = str(ROOT / "experiments" / f"{page}.py")
    code = f"import sys, runpy; sys.path[0] = {str(ROOT / 'experiments')!r}; "
    code += f"sys.platform = {system!r}; "
    run = f"runpy.run_path({path!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code + run],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "lacks fkd_core, numpy" in line
    assert ".venv" in line
    assert ("README.md" in line) == (system == "win32"), "where there is no make"
