"""Options read back from a config.json, and as the line that one types."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import tyro

from fkd_core import command
from fkd_core.errors import UserError
from fkd_core.experiments.build_ensemble import BuildEnsemble
from fkd_core.experiments.predict import PredictOptions
from fkd_core.experiments.search_augment import SearchAugment
from fkd_core.experiments.tune_models import TuneModels
from fkd_core.findings.provenance import typed as typed_here
from fkd_core.findings.provenance import write_config
from fkd_core.help import check_words
from fkd_core.options import at_home, check_counts, read_options, typed

GIVEN = [
    TuneModels(
        data=Path("my faces.zip"), models=("lenet5", "conv5"), trials=7, gpus_per_trial=0.5,
        warm_start=False, seed=3, address=None,
    ),
    SearchAugment(results=Path("else where"), transforms=("all",), gpu_hours=2.0, preset="full"),
    BuildEnsemble(recipe="best", tta="warps", cross=True, compact=40, gpus_per_trial="auto"),
]  # fmt: skip


@pytest.mark.parametrize("options", GIVEN)
def test_what_a_run_wrote_is_read_back(options: Any, tmp_path: Path) -> None:
    write_config(tmp_path / "config.json", options, made_by={"seed": 0})
    for path in (tmp_path / "config.json", tmp_path):
        assert read_options(path, type(options)) == options


@pytest.mark.parametrize("options", GIVEN)
def test_the_typed_line_asks_for_the_same(options: Any) -> None:
    words = shlex.split(typed("fkd tune", options))
    assert words[:2] == ["fkd", "tune"]
    assert tyro.cli(type(options), args=words[2:]) == options


def test_the_command_line_wins_over_the_config(tmp_path: Path) -> None:
    written = TuneModels(results=tmp_path / "there", models=("conv5",), trials=7, seed=3)
    write_config(tmp_path / "config.json", written)
    told: list[TuneModels] = []
    words = ["--config", str(tmp_path / "config.json"), "--seed", "4", "--warm-start", "--dry-run"]
    command.run(told.append, TuneModels, "fkd tune", words)
    (chosen,) = told
    assert (chosen.results, chosen.models, chosen.trials) == (tmp_path / "there", ("conv5",), 7)
    assert (chosen.seed, chosen.dry_run) == (4, True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "holds no options"),
        ("[]", "holds no options"),
        (json.dumps({"options": {"wibble_wobble": 3}}), "has not: --wibble-wobble"),
        (json.dumps({"options": {"seed": "three"}}), "--seed: 'three' is not what it should be"),
        (json.dumps({"options": {"minutes": 10**400}}), "--minutes: int too large"),
        (json.dumps({"options": {"preset": "huge"}}), "'huge' is not what it should be"),
    ],
)
def test_a_config_that_cannot_be_is_one_error(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=words):
        read_options(tmp_path / "config.json", TuneModels)


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--config: .*none\.json cannot be read"):
        read_options(tmp_path / "none.json", TuneModels)


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["/usr/bin/fkd", "tune", "--data", "a b"], "fkd tune --data 'a b'"),
        (["/x/fkd_core/__main__.py", "results"], "python -m fkd_core results"),
        ([str(Path("experiments/tune_models.py").resolve())], "python experiments/tune_models.py"),
    ],
)
def test_what_was_typed_is_told_as_one_types_it_again(argv: list[str], line: str) -> None:
    assert typed_here(argv) == line


def test_a_command_is_kept_without_its_passwords() -> None:
    url = "postgresql+psycopg://me:s3cret@host/fkd"
    shown = "postgresql+psycopg://me:***@host/fkd"
    assert shown in typed("fkd tune", TuneModels(storage=url))
    told = typed_here(["/x/fkd", "tune", "--storage", url])
    assert "s3cret" not in told
    assert shown in told
    assert typed("fkd tune", TuneModels(storage="sqlite:///a.db")).endswith("sqlite:///a.db")


@pytest.mark.parametrize("words", [["--stacker=elastic_net"], ["--stacker", "elastic_net"]])
def test_a_value_may_have_an_underscore(words: list[str]) -> None:
    check_words(BuildEnsemble, words)
    with pytest.raises(UserError, match="--stacker: there is no 'elastic_nets'"):
        check_words(BuildEnsemble, [*words[:-1], words[-1] + "s"])


@pytest.mark.parametrize("words", [["--data", ""], ["--data="], ["--seed", "1", "--results", ""]])
def test_an_empty_path_is_not_taken_for_this_folder(words: list[str]) -> None:
    with pytest.raises(UserError, match="the path is empty"):
        check_words(BuildEnsemble, words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed", "1.5"], "--seed: '1.5' is not a whole number"),
        (["--seed=x"], "--seed: 'x' is not a whole number"),
        (["--minutes", "ten"], "--minutes: 'ten' is not a number"),
        (["--gpus-per-trial", "x"], "--gpus-per-trial: 'x' is not a number and not auto"),
        (["--seed"], "--seed: no value is given"),
        (["--seed", "--dry-run"], "--seed: no value is given"),
        (["--dry-run=yes"], "--dry-run: takes no value; write it alone"),
        (["--seed", "1", "2"], "'2' belongs to no option"),
        (["smoke"], "'smoke' belongs to no option"),
        (["-x"], "there is no option -x; "),
    ],
)
def test_a_word_that_no_option_takes_is_one_error(words: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        check_words(BuildEnsemble, words)
    assert str(caught.value).startswith(said)
    assert "--help" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--plan-power", "-0.1"],
        ["--gpus-per-trial", "auto"],
        ["--minutes", "None", "--transforms", "rotation", "shift"],
    ],
)
def test_a_word_that_an_option_takes_is_no_error(words: list[str]) -> None:
    check_words(SearchAugment, words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.jpg", ""], "the path of a photo is empty"),
        (["-a.jpg"], "there is no option -a.jpg; .*; ./-a.jpg is a file"),
        (["--a.jpg"], "there is no option --a.jpg; .*; ./--a.jpg is a file"),
    ],
)
def test_a_photo_that_looks_like_an_option_is_told_how_to_be_named(
    words: list[str], said: str
) -> None:
    check_words(PredictOptions, ["a.jpg", "--sure", "0.5", "-", "./-a.jpg", "--", "-a.jpg"])
    with pytest.raises(UserError, match=said):
        check_words(PredictOptions, words)


def test_home_is_found_where_the_shell_leaves_it() -> None:
    home = str(Path.home())
    assert at_home("--results=~/a=b") == f"--results={home}/a=b"
    assert at_home("~/a") == f"{home}/a"
    for word in ("--results=a~/b", "a=~/b", "~a", "--run=~a", "./~/a", ""):
        assert at_home(word) == word


def test_a_number_is_refused_that_is_too_few_too_many_or_none() -> None:
    given = {"gpu_hours": 1.0, "trials": 2, "epochs": None, "seeds": 1000}
    check_counts(given, gpu_hours=1, trials=2, epochs=1, seeds=1)
    for wrong, words in {
        ("trials", 1): "--trials: 1 is too few; give 2 or more",
        ("seeds", 1001): "--seeds: 1,001 is too many; give 1,000 or fewer",
        ("gpu_hours", float("nan")): "--gpu-hours: nan is too few; give 1 or more",
    }.items():
        with pytest.raises(UserError, match=f"^{words}$"):
            check_counts(given | dict([wrong]), gpu_hours=1, trials=2, epochs=1, seeds=1)
