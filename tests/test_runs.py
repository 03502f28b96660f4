"""Runs: what a data set's folder is called, what it remembers, and what is kept apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.findings.provenance import provenance
from fkd_core.runs import FINAL, NOTE, SHARED, Run, run_of, runs_in
from fkd_core.shared_options import Options

MADE_BY = {"command": "python page.py", "pictures": "a" * 16, "faces": 7, "date": "2026-11-29"}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (None, "demo"),
        ("my faces", "my-faces"),
        ("lfpw/", "lfpw"),
        ("../facial-keypoints-detection.zip", "facial-keypoints-detection"),
        ("Gesichter (größere).tar.gz", "Gesichter-größere"),
        ("v1.5", "v1.5"),
        (".hidden", "hidden"),
        ("a" * 300, "a" * 60),
    ],
)
def test_a_run_is_called_as_its_data(data: str | None, name: str, tmp_path: Path) -> None:
    run = run_of(tmp_path, Path(data) if data else None, None)
    assert run == Run(tmp_path / name)
    assert run_of(tmp_path, None, name) == run, "which --run takes too"
    assert run_of(tmp_path, Path("else"), name) == run


def test_the_folder_one_stands_in_has_a_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faces" / "inside").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "faces" / "inside")
    assert run_of(Path("r"), Path(), None).name == "inside"
    assert run_of(Path("r"), Path(".."), None).name == "faces"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "-a", "what?"])
def test_a_name_that_is_none_of_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--run: .* is no name of a folder"):
        run_of(tmp_path, None, name)


@pytest.mark.parametrize(
    "name",
    [*SHARED, FINAL, "Fits", "CACHE", "studies.db", "studies.db.locks", "predictions", "best"],
)
def test_what_runs_share_is_no_run(name: str, tmp_path: Path) -> None:
    for data, asked in ((Path("in") / name, None), (None, name)):
        with pytest.raises(UserError, match=r"a run cannot be called .*another name with --run"):
            run_of(tmp_path, data, asked)


def test_a_run_remembers_its_data_and_refuses_other(tmp_path: Path) -> None:
    run = Run(tmp_path / "faces")
    run.check("b" * 64)
    assert not run.folder.exists()
    run.begun(MADE_BY).begun(MADE_BY | {"date": "later"})
    with pytest.raises(UserError, match="other pictures"):
        Run(tmp_path / "faces").begun(MADE_BY | {"pictures": "b" * 16})
    again = Run(tmp_path / "faces")
    assert again.made_by == MADE_BY, "as it was begun"
    again.check("a" * 64)
    with pytest.raises(
        UserError, match=r"other pictures \(7 faces, since 2026-11-29\).*--run OTHER"
    ):
        again.check("b" * 64)
    assert runs_in(tmp_path) == [again]


def test_the_note_of_a_run_is_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / f".{NOTE}.0123.part").touch()  # as a power cut may leave it
    run = Run(folder).begun(MADE_BY)
    assert run.made_by == MADE_BY
    (folder / NOTE).write_text("{")
    with pytest.raises(UserError, match=r"run\.json: cannot be read.*another --run"):
        Run(folder).check("a" * 64)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ladder").mkdir()
    Run(tmp_path / "ladder").check("a" * 64)
    (tmp_path / "ladder" / "ladder.csv").touch()
    (tmp_path / "file").touch()
    for name in ("ladder", "file"):
        with pytest.raises(UserError, match=r"no run, for it has no run\.json.*another --run"):
            Options(results=tmp_path, run=name).check()


@pytest.fixture
def loaded(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that read these faces, whatever they are told."""
    monkeypatch.setattr(Options, "read", lambda self: SimpleNamespace(training=faces))


@pytest.mark.usefixtures("loaded")
def test_what_older_versions_wrote_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Options(results=tmp_path).load()
    assert capsys.readouterr().out == ""
    (tmp_path / "best").mkdir()
    (tmp_path / "submission.csv").touch()
    (tmp_path / "fits").mkdir()
    Options(results=tmp_path).load()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"best, submission.csv in {tmp_path} are of an older version")
    assert line.endswith(f"now go to {tmp_path / 'demo'}.")


@pytest.mark.usefixtures("loaded")
def test_other_data_of_the_same_name_is_refused_and_another_run_takes_it(
    faces: Faces, tmp_path: Path
) -> None:
    options = Options(results=tmp_path, data=Path("one/faces"))
    fewer = faces.take(np.arange(9))
    options.outcomes.begun(provenance("smoke", 0, fewer))
    with pytest.raises(UserError, match=r"faces holds outcomes on other pictures \(9 faces"):
        options.load()
    other = replace(options, run="others")
    other.load()
    assert not other.outcomes.folder.exists(), "until something is found"
    other.outcomes.begun(provenance("smoke", 0, faces))
    other.load()
    assert [run.name for run in runs_in(tmp_path)] == ["faces", "others"]


def test_a_runs_tables_are_found_by_pipeline_where_they_were_written(tmp_path: Path) -> None:
    run = Run(tmp_path / "demo")
    run.augmentation.mkdir(parents=True)
    names = ("zoo", "partial", "complete", "joint")
    for name in names:
        run.table("verdicts", name).touch()
    assert run.table("verdicts", "complete").name == "verdicts.csv"
    assert run.tables("verdicts") == {name: run.table("verdicts", name) for name in names}
    assert [*run.tables("verdicts")] == ["complete", "partial", "joint", "zoo"]
    assert run.tables("meeting") == {}
