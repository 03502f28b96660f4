"""Workspace: the commands' work from Python, with their options and what they keep."""

from __future__ import annotations

import doctest
import inspect
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import competition_for_tests
import pytest
import tyro

import fkd_core.workspace
from fkd_core import Workspace
from fkd_core.augment.policy import Policy, Step
from fkd_core.errors import UserError
from fkd_core.experiments import build_ensemble, search_augment, tune_models
from fkd_core.experiments.build_ensemble import BuildEnsemble
from fkd_core.experiments.search_augment import SearchAugment
from fkd_core.experiments.tune_models import TuneModels
from fkd_core.findings.best_config import write_best
from fkd_core.findings.policy import write_policy
from fkd_core.findings.provenance import provenance, write_config
from fkd_core.shared_options import Options
from fkd_core.terminal import console


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The competition's files, with three faces."""
    folder = tmp_path_factory.mktemp("data")
    competition_for_tests.write(folder)
    return folder


@pytest.fixture(scope="module")
def ws(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"), folder)


def test_it_is_imported_without_what_takes_seconds() -> None:
    asked = "from fkd_core import Workspace; Workspace('r'); import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "fkd_core.workspace" in loaded
    assert not loaded & {"ray", "tensorflow", "keras", "optuna", "pandas", "cv2"}


def test_its_examples_do_what_they_say(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "quiet", True)  # what is said of the files is no example
    names = {"folder": folder, "results": tmp_path}
    found = doctest.testmod(fkd_core.workspace, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert found.attempted >= 5
    assert found.failed == 0


@pytest.mark.slow
def test_a_fit_is_done_once_and_then_known(tmp_path: Path, backend: str) -> None:
    if backend != "tensorflow":
        pytest.skip("a workspace's fits run under TensorFlow")
    ws = Workspace(tmp_path)
    asked = {"model": "aligned-plain", "pipeline": "joint", "epochs": 1, "faces": 60}
    result = ws.fit(**asked)
    assert 0 < result.rmse < 60
    spec = ws.spec(**asked)
    assert result.spec == spec
    assert spec.aligned_by is not None
    for stage in spec.stages:
        assert ws.fits.get(stage) is not None
    assert ws.fits.weights(spec.aligned_by), "the next fit that it aligns need not train it"
    assert Workspace(ws.options.results).fit(spec).seconds == result.seconds


def test_a_spec_trains_under_the_policy_that_was_found_here(
    tmp_path: Path, folder: Path, ws: Workspace
) -> None:
    other = Workspace(tmp_path, folder)
    found = Policy((Step("mirror", 0.3),))
    path = other.options.outcomes.policy
    write_policy(path, "complete", found, provenance("smoke", 0, other.faces))
    assert other.spec("conv5", fold=3, seed=7).policy == found
    assert other.spec("conv5", fold=3, seed=7).split.fold == 3
    assert ws.spec("conv5").policy != found
    cascade = ws.spec("aligned-plain", pipeline="joint", fold=2)
    assert [stage.split.fold for stage in cascade.stages] == [2, 2]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "lenet6"}, "there is no model 'lenet6'"),
        ({"model": "all"}, "a fit is of one model"),
        ({"pipeline": "profile"}, "there is no 'profile'"),
        ({"epochs": 0}, "--epochs: 0 is too few"),
        ({"fold": 5}, "fold 5 of 5 folds"),
    ],
)
def test_what_cannot_be_is_named(asked: dict[str, Any], words: str, ws: Workspace) -> None:
    with pytest.raises(UserError, match=words):
        ws.fit(**asked)


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        Workspace(tmp_path, data=tmp_path / "nowhere").faces  # noqa: B018


def test_without_an_ensemble_it_is_said_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no finished ensemble"):
        Workspace(tmp_path).predictor()


METHODS = [
    (Workspace.search_augment, SearchAugment),
    (Workspace.tune, TuneModels),
    (Workspace.build_ensemble, BuildEnsemble),
]


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_a_method_takes_what_the_command_takes(
    method: Callable[..., Any], options: type[Options]
) -> None:
    shared = {field.name for field in fields(Options)} - {"preset", "dry_run"}
    own = {field.name: field.default for field in fields(options) if field.name not in shared}
    taken = inspect.signature(method).parameters
    assert {name: p.default for name, p in taken.items() if name != "self"} == own


@pytest.mark.parametrize(
    ("method", "module", "asked", "command"),
    [
        ("search_augment", search_augment, {"pipelines": "partial"}, "search-augment"),
        ("tune", tune_models, {"models": ["lenet5"], "warm_start": False}, "tune"),
        ("build_ensemble", build_ensemble, {"recipe": "best", "preset": "smoke"}, "ensemble"),
    ],
)
def test_what_a_method_does_is_kept_under_the_command_that_does_the_same(
    method: str,
    module: Any,
    asked: dict[str, Any],
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = []
    monkeypatch.setattr(module, "main", lambda options, line: told.append((options, line)))
    getattr(Workspace(tmp_path / "a folder", seed=3), method)(**asked)
    ((options, line),) = told
    program, name, *words = shlex.split(line)
    assert (program, name) == ("fkd", command)
    assert tyro.cli(type(options), args=words) == options


def test_a_policy_comes_with_a_sentence_on_where_it_was_found(
    tmp_path: Path, folder: Path, ws: Workspace
) -> None:
    own = Workspace(tmp_path, folder)
    policy, said = own.policy("conv5")
    assert policy == own.spec("conv5").policy
    assert "search_augment.py finds what is better" in said
    found = Policy((Step("rotation", 0.4, 0.7),))
    made_by = provenance("smoke", 0, ws.faces, given={"epochs": 3})
    write_policy(own.options.outcomes.begun(made_by).policy, "complete", found, made_by)
    policy, said = own.policy("conv5", "partial")
    assert policy == own.spec("conv5", pipeline="partial").policy == found
    assert "with preset smoke, --epochs 3, by code" in said


def test_the_leaderboard_ranks_what_was_measured_on_these_pictures(
    tmp_path: Path, folder: Path, ws: Workspace
) -> None:
    own = Workspace(tmp_path, folder)
    made_by = provenance("quick", 0, ws.faces)
    best = own.options.outcomes.begun(made_by).best
    for model, rmse in (("conv5", 2.5), ("lenet5", 1.5)):
        evidence = {"rmse_final": [rmse, rmse - 0.1, rmse + 0.1]}
        write_best(best, model, ws.spec(model), evidence, made_by)
    elsewhere = made_by | {"pictures": "0123"}
    write_best(best, "plain", ws.spec("plain"), {"rmse_final": [1.0, 0.9, 1.1]}, elsewhere)
    run = own.options.outcomes
    write_config(run.ensemble / "config.json", own.options, made_by=made_by)
    scores = "arm,score,score_low,score_high,against,against_low,against_high"
    run.score.write_text(f"{scores}\nensemble,2.0,1.9,2.1,0.1,0,0.2\nmean,much,1,2,0,0,0\n")
    table = own.leaderboard()
    assert table["what"].tolist() == ["ensemble", "lenet5, tuned", "conv5, tuned"]
    assert table["pipeline"][0] == "as the competition weights"
    run.score.write_text("arm,score,score_low,score_high,covers\nensemble,2.0,1.9,2.1,0.62\n")
    table = own.leaderboard()
    assert table["pipeline"][0] == "62% of what the competition requests"
    table = table[1:]
    assert table["rmse"].tolist() == [1.5, 2.5]
    assert table["high"].tolist() == [1.6, 2.6]


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("build_ensemble", {"stacker": "rigde"}, "--stacker: 'rigde' .* choose from .*'ridge'"),
        ("build_ensemble", {"recipe": "Best"}, "--recipe: 'Best' .* 'best'"),
        ("search_augment", {"probe": "x"}, "--probe: 'x' .* 'cascade'"),
        ("tune", {"preset": "smok"}, "--preset: 'smok' .* 'smoke'"),
        ("tune", {"trials": "many"}, "--trials: 'many'"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_refused_before_anything_is_read(
    name: str, asked: dict[str, Any], words: str, tmp_path: Path
) -> None:
    ws = Workspace(tmp_path / "results", tmp_path / "nowhere")
    with pytest.raises(UserError, match=words):
        getattr(ws, name)(**asked)
    assert not (tmp_path / "results").exists()
