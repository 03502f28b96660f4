"""The command's edges: what a user sees who asks for help, for a plan, or for the impossible."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from short_runs import knowing

from fkd_core import command
from fkd_core.errors import UserError
from fkd_core.files import write_text
from fkd_core.fitting.store import FitStore
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.shared_options import Options
from fkd_core.studies.storage import open_storage
from fkd_core.terminal import console, say
from search_spaces import augmentation as space
from search_spaces import transfer
from search_spaces.augmentation import BUDGETS

ROOT = Path(__file__).parents[1]
TIMEOUT = 1800
OF_TRANSFER = 2 * transfer.BUDGETS["quick"].pairs * len(transfer.networks("complete"))
"""Fits on networks that did not choose the policy, for each pipeline."""


def _search(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """experiments/search_augment.py as a user runs it, never joining a cluster around the test."""
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    return subprocess.run(
        [sys.executable, "experiments/search_augment.py", *map(str, arguments)],
        cwd=ROOT,
        env=environment | {"COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def _in_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The same edge without a new process, for plans and the many ways to be wrong."""
    from fkd_core.experiments import search_augment

    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["experiments/search_augment.py", *map(str, arguments)])
        patch.delenv("RAY_ADDRESS", raising=False)
        code: object = 0
        try:
            command.run(search_augment.main, search_augment.SearchAugment)
        except SystemExit as stopped:
            code = stopped.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(sys.argv, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """One results folder for all."""
    return knowing(drawn, tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def planned(results: Path) -> subprocess.CompletedProcess[str]:
    return _in_process("--dry-run", "--results", results)


def _is_one_clear_error(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert "Traceback" not in done.stdout + done.stderr
    for word in words:
        assert word in lines[0]


def test_help_lists_every_option_and_what_the_experiment_does() -> None:
    done = _search("--help")
    assert done.returncode == 0
    assert "compose a policy of what helps" in done.stdout
    for option in (
        "data",
        "results",
        "preset",
        "seed",
        "storage",
        "gpus-per-trial",
        "dry-run",
        "transforms",
        "pipelines",
    ):
        assert f"--{option}" in done.stdout, option


def test_a_dry_run_says_how_many_fits_and_how_long_and_does_none(
    planned: subprocess.CompletedProcess[str], results: Path
) -> None:
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"at most \d+ fits, about \d+ min", planned.stdout)
    assert "nothing was written" in planned.stdout
    kept = sorted(str(path.relative_to(results)) for path in results.glob("*/*"))
    assert kept == ["cache/demo", "cache/faces"], "as they were before"


@pytest.mark.parametrize("asked", [("--dry-run",), ("--plan-power", "-0.1")])
def test_what_only_plans_changes_nothing_where_results_are(
    asked: tuple[str, ...], tmp_path: Path, drawn: Path
) -> None:
    if asked != ("--dry-run",):  # which draws the demo's faces elsewhere
        knowing(drawn, tmp_path)
    store = FitStore(tmp_path / "fits")
    store.put("0123456789abcdef", {"summary": {}}, {"a": np.zeros(1)})
    (tmp_path / "fits" / "index").unlink()  # so that listing would write it anew
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    kept = ("--checkpoints", tmp_path / "checkpoints")
    done = _in_process(*asked, "--results", tmp_path, *kept)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_without_data_it_says_that_the_faces_are_drawn(
    planned: subprocess.CompletedProcess[str],
) -> None:
    assert "demo faces" in planned.stdout
    assert "competition's own file" not in planned.stdout


def test_the_planned_number_of_fits_is_the_sum_over_the_pipelines(results: Path) -> None:
    both = _in_process("--dry-run", "--results", results, "--pipelines", "complete", "partial")
    names = space.candidates((), "quick")
    budget, pipelines = BUDGETS["quick"], ("complete", "partial")
    plans = [Plan(space, pipeline, names, budget, 0) for pipeline in pipelines]
    assert f"at most {sum(plan.fits + OF_TRANSFER for plan in plans)} fits" in both.stdout


def test_a_dry_run_counts_in_what_was_asked_for(results: Path) -> None:
    few = _in_process("--dry-run", "--results", results, "--trials", "1", "--minutes", "0.1")
    plan = Plan(space, "complete", space.candidates((), "quick"), BUDGETS["quick"], 0)
    saved = (plan.budget.compose_trials - 1) * plan.budget.compose_pairs
    assert f"at most {plan.fits + OF_TRANSFER - saved} fits" in few.stdout
    assert "--minutes 0.1 stops before" in few.stdout


def test_an_unknown_transform_is_named_beside_those_there_are(results: Path) -> None:
    done = _in_process("--transforms", "rotation", "wibble", "--results", results)
    _is_one_clear_error(done, "--transforms", "'wibble'", "rotation", "box_blur")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (("--transforms", "rotaton"), "did you mean 'rotation'?"),
        (("--pipelines", "complet"), "did you mean 'complete'?"),
        (("--preset", "smok"), "did you mean 'smoke'?"),
        (("--minuts", "3"), "did you mean '--minutes'?"),
        (("--minuts=3",), "did you mean '--minutes'?"),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    wrong: tuple[str, ...], meant: str, results: Path
) -> None:
    _is_one_clear_error(_in_process(*wrong, "--results", results), meant)


def test_help_groups_options_lists_names_explains_presets_and_ends_with_examples() -> None:
    said = _in_process("--help").stdout
    places = [said.index(f"\n{group}\n") for group in ("What", "How much", "Where", "Expert")]
    assert places == sorted(places)
    assert "coarse_dropout" in said
    assert re.search(r"quick +\d+ to \d+ minutes on 2 cores", said)
    assert [line.split()[:2] for line in said.splitlines()[-2:]] == [
        ["python", "experiments/search_augment.py"]
    ] * 2
    assert all(len(line) <= 100 for line in said.splitlines())


def test_a_data_folder_that_is_not_there_is_named(results: Path, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    done = _in_process("--data", missing, "--results", results)
    _is_one_clear_error(done, str(missing), "does not exist", "training.csv")


def test_a_file_in_place_of_the_results_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("mine")
    for folder in (file, file / "below"):
        _is_one_clear_error(_in_process("--results", folder), "--results", str(folder))
    assert file.read_text() == "mine"


@pytest.mark.parametrize("url", ["wibble", "sqlite:////no/such/folder/studies.db"])
def test_a_storage_that_cannot_be_opened_stops_before_any_fit(url: str, results: Path) -> None:
    done = _in_process("--storage", url, "--preset", "smoke", "--results", results)
    _is_one_clear_error(done, "--storage", "sqlite:///results/studies.db")
    assert not list((results / "fits").rglob("*.fit"))


def test_a_password_in_a_storage_url_is_never_printed(results: Path) -> None:
    url = "postgresql+psycopg://someone:opensesame@127.0.0.1:1/studies"
    done = _in_process("--storage", url, "--preset", "smoke", "--results", results)
    _is_one_clear_error(done, "--storage", "someone")
    assert "opensesame" not in done.stdout + done.stderr


def test_more_gpus_than_there_are_is_said_with_what_there_is(results: Path) -> None:
    done = _search("--gpus-per-trial", "64", "--preset", "smoke", "--results", results)
    _is_one_clear_error(done, "--gpus-per-trial", "64", "CPUs")


@pytest.mark.parametrize("share", ["-1", "1.5", "nan", "inf"])
def test_an_impossible_share_of_a_gpu_is_refused(share: str, results: Path) -> None:
    _is_one_clear_error(
        _in_process("--gpus-per-trial", share, "--results", results), "--gpus-per-trial", share
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--seed", "-1"), "--seed"),
        (("--seed", "20240101"), "--seed: 20240101 is no seed; give 0 to 4,000,000"),
        (("--minutes", "inf"), "--minutes: inf is no time"),
        (("--fit-minutes", "1e300"), "--fit-minutes: 1e+300 is no time"),
        (("--epochs", "20000"), "--epochs: 20,000 is too many"),
        (("--pipelines",), "--pipelines"),
    ],
)
def test_an_option_with_an_impossible_value_is_named(
    arguments: tuple[str, ...], word: str, results: Path
) -> None:
    _is_one_clear_error(_in_process(*arguments, "--results", results), word)


@pytest.mark.parametrize("arguments", [("--wibble",), ("--preset", "wibble"), ("--seed", "x")])
def test_a_wrong_command_line_ends_with_code_2_and_points_to_help(
    arguments: tuple[str, ...],
) -> None:
    done = _in_process(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["a b", "x%20y", "what?", "a#b", "a&b=c", "100%", "größe"])
def test_the_database_lies_in_the_results_whatever_they_are_called(
    name: str, tmp_path: Path
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    storage = open_storage(Options(results=folder).storage_url)
    assert storage.optuna.get_all_studies() == []
    assert (folder / "studies.db").is_file()


def test_a_folder_in_a_files_place_is_named_and_not_what_is_written_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keypoints.csv").mkdir()

    def writing(options: Options) -> None:
        write_text(options.results / "keypoints.csv", "")

    with pytest.raises(SystemExit) as stopped:
        command.run(writing, Options, arguments=["--results", str(tmp_path)])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}/keypoints.csv: Is a directory; move that folder")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "allow it"),
        (errno.ENAMETOOLONG, "a shorter path"),
        (errno.EIO, "mend it"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_the_advice_fits_what_the_system_refuses(
    number: int,
    advice: str,
    named: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def refused(options: Options) -> None:
        raise OSError(number, os.strerror(number), *(["some/file"] if named else []))

    monkeypatch.setattr(sys, "argv", ["page.py", "--results", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        command.run(refused, Options)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {'some/file' if named else tmp_path}: {os.strerror(number)}")
    assert advice in said


def test_the_version_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(options: Options) -> None:
        raise AssertionError("ran")

    monkeypatch.setattr(sys, "argv", ["page.py", "--version"])
    command.run(never, Options)
    assert re.fullmatch(r"\d+\.\d+\S*\n", capsys.readouterr().out)


PRINTING = """
import sys
from fkd_core import command
from fkd_core.errors import UserError
from fkd_core.shared_options import Options
from fkd_core.terminal import console

def page(options: Options) -> None:
    print("ü → \\udcff")
    console.print("▂▃ [bold]ü[/bold]", soft_wrap=True)
    raise UserError("no → \\udcff")

command.run(page, Options)
"""


def test_a_folder_is_called_as_it_is_whatever_brackets_or_colons_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.print("results/[old]/:x:/[/b]")
    say("results/[old]/:x:/[/b] " + 200 * "x")
    told = capsys.readouterr().out.splitlines()
    assert told == ["results/[old]/:x:/[/b]", "results/[old]/:x:/[/b] " + 200 * "x"]


def test_ctrl_c_before_it_begins_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "begin", interrupted)
    with pytest.raises(SystemExit) as stopped:
        command.run(interrupted, Options, arguments=["--results", str(tmp_path)])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "stopped before anything was begun\n"


def test_an_error_is_one_line_whatever_a_file_is_called(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def wrong(options: object) -> None:
        raise UserError("a\nb\x1b[31m.png is not there")

    with pytest.raises(SystemExit):
        command.run(wrong, Options, arguments=["--results", str(tmp_path)])
    assert capsys.readouterr().err == "error: a\\nb\\x1b[31m.png is not there\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_no_letter_is_too_much_for_a_terminal(encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINTING, "--results", str(tmp_path)],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"\\udcff" in done.stdout
    assert done.stderr.endswith(b"\\udcff" + os.linesep.encode())
    assert ("ü" if encoding != "ascii" else "\\xfc").encode(encoding) in done.stdout
