"""results.py: what is there, what needs it, and that nothing goes which somebody needs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.trial import TrialState

from fkd_core import command
from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.errors import UserError
from fkd_core.experiments import results as page
from fkd_core.findings.best_config import write_best
from fkd_core.findings.inputs import Inputs
from fkd_core.findings.policy import write_policy
from fkd_core.fitting.fit import fit
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FIGURES, Failed, FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.inventory import needs_of, take
from fkd_core.inventory.files import parse_size
from fkd_core.inventory.redoing import redo
from fkd_core.models.conv5 import Conv5
from fkd_core.models.lenet5 import LeNet5
from fkd_core.runs import Run as OutcomesOf
from fkd_core.shared_options import Options
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never
from fkd_core.studies.sampling import Random
from fkd_core.studies.storage import open_storage
from fkd_core.studies.study import Study, StudyPlan

ROOT = Path(__file__).parents[1]
POLICY = Policy((Step("mirror", 0.5),))
SPEC = FitSpec(
    Conv5.tiny(), split=Split(folds=2, limit=100), training=Training(epochs=4), policy=POLICY
)
TUNING = "tuning/complete/conv5@0123abcd"
OLDER = "tuning/complete/conv5@4567cdef"
SCREEN = "augmentation/complete/screen/mirror@89ab0123"
DAY = 24 * 3600.0


def _result(spec: FitSpec, weights: int) -> FitResult:
    labelled = np.ones((2, 15), bool)
    return FitResult(
        spec=spec,
        history={name: np.linspace(3, 1, 4) for name in FIGURES},
        predictions=np.zeros((2, 15, 2), np.float32),
        row=np.array([7, 3], np.int32),
        group=np.array([1, 5], np.uint64),
        squared=np.where(labelled, 4.0, 0.0),
        labelled=labelled,
        parameters=1000,
        train_faces=11,
        train_rmse=1.25,
        best_epoch=4,
        seconds={"train": 1800.0},
        versions={"keras": "3"},
        weights=[np.zeros(weights, np.float32)] if weights else [],
    )


def _study(url: str, name: str, *trials: tuple[float, list[str]]) -> None:
    """A study whose trials have these values and name these fits."""
    plan = StudyPlan(
        name=name,
        space=lambda trial: {"x": trial.suggest_float("x", 0, 1)},
        specs=lambda values: [],
        score=lambda results: 0.0,
        pruner=Never(),
        proposals=Proposals(Random(), seed=len(name)),
        trials=len(trials),
        notes={"model": "conv5"},
    )
    study = Study(plan, open_storage(url))
    for value, keys in trials:
        proposal = study.next()
        assert proposal is not None
        study.spend(proposal.number, 90.0)
        study.finish(proposal.number, TrialState.COMPLETE, value, {"fits": keys})
    study.close()


@dataclass(frozen=True)
class Filled:
    """A results folder in which everything is there once."""

    folder: Path
    fits: dict[str, str]
    """What each fit is for, and its key."""

    @property
    def url(self) -> str:
        return f"sqlite:///{(self.folder / 'studies.db').resolve()}"

    def label(self, fit: str) -> str:
        return f"fit {self.fits[fit][:16]}"

    def weights(self, fit: str) -> Path:
        key = self.fits[fit]
        return self.folder / "fits" / "weights" / key[:2] / f"{key}.weights.npz"

    @property
    def demo(self) -> OutcomesOf:
        return OutcomesOf(self.folder / "demo")

    def has(self, fit: str) -> bool:
        return self.fits[fit] in FitStore(self.folder / "fits")

    @property
    def studies(self) -> list[str]:
        return optuna.get_all_study_names(self.url)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Made once; every test gets a copy."""
    folder = tmp_path_factory.mktemp("original") / "results"
    fits = Fits(FitStore(folder / "fits"), "faces")
    specs = {
        "searched": (SPEC, 0),
        "confirmed": (replace(SPEC, split=replace(SPEC.split, family="confirm"), seed=100), 0),
        "member": (replace(SPEC, split=Split("all", limit=100), seed=0), 1000),
        "another seed": (replace(SPEC, split=Split("all", limit=100), seed=1), 2000),
        "loose": (replace(SPEC, model=LeNet5.tiny(), seed=7), 3000),
    }
    for spec, weights in specs.values():
        fits.keep(spec, _result(spec, weights))
    failed = replace(SPEC, seed=99)
    fits.keep(failed, Failed("the loss became inf in epoch 3"))
    keys = {name: fits.key(spec) for name, (spec, _) in specs.items()}
    filled = Filled(folder, keys | {"failed": fits.key(failed)})

    _study(filled.url, OLDER, (2.5, []), (2.25, []))
    _study(filled.url, TUNING, (2.0, []), (1.5, [keys["searched"][:16]]))
    _study(filled.url, SCREEN, (-0.25, [keys["searched"][:16]]))
    made_by = {"command": "python experiments/build_ensemble.py [x]", "code": "0.1.0+abc"}
    run = OutcomesOf(folder / "demo").begun(made_by)
    write_best(
        run.best,
        SPEC.model.name,
        SPEC,
        {"winner": "trial 1", "rmse_search": 1.5},
        {"command": "tune"},
        Inputs(studies=(TUNING,), fits=(keys["confirmed"],), outcomes=("augmentation",)),
    )
    _config(run.augmentation, made_by=made_by)
    write_policy(
        run.policy, "complete", POLICY, made_by, Inputs(studies=(SCREEN, "of another time"))
    )
    trained = Inputs(fits=(keys["member"],), weights=(keys["member"],)).to_json()
    members = [SPEC.to_json()]
    _config(run.ensemble, {"seeds": 1}, members=members, inputs=trained, made_by=made_by)
    run.submission.write_text("RowId,Location\n")
    for name, size, days in (("old", 5000, 2), ("new", 7000, 1)):
        for ending in ("images.npy", "json"):
            _file(folder / "cache" / "copies" / f"{name}.{ending}", size, days)
    _file(folder / "cache" / "faces" / "training-1" / "images.npy", 6000, 3)
    _file(folder / "fits" / "damaged" / "x.fit", 400, 0)
    _file(run.tuning / ".table.csv.0a.part", 300, 2)
    _file(run.tuning / ".table.csv.0b.part", 200, 0)
    return filled


@pytest.fixture
def filled(original: Filled, tmp_path: Path) -> Filled:
    shutil.copytree(original.folder, tmp_path / "results")
    return replace(original, folder=tmp_path / "results")


VERDICTS = """transform,strength,verdict,effect,low,high,p_holm,pairs
mirror,1.0,helpful,-0.5,-0.7,-0.3,0.001,6
rotation,0.5,undecided,-0.1,-0.3,0.1,0.4,6
shear,,undecided (not confirmed),,,,,0
"""
SCORES = """arm,score,score_low,score_high
ensemble,2.5,2.25,2.75
mean,2.625,2.375,2.875
"""
TUNED = "pipeline,model,rmse,low,high\ncomplete,lenet5,1.5,1.25,1.75\n"


@pytest.fixture
def two_runs(filled: Filled) -> Filled:
    """With tables in its run, and another run on photographs."""
    run = filled.demo
    (run.augmentation / "verdicts.csv").write_text(VERDICTS)
    (run.ensemble / "score.csv").write_text(SCORES)
    other = OutcomesOf(filled.folder / "photos").begun({"faces": 2284, "date": "2026-11-28"})
    made_by = {"preset": "full", "code": "0.1.0+def"}
    given = {"data": "lfpw.zip", "seed": 3, "results": "elsewhere"}
    _config(other.augmentation, given, candidates=["mirror", "shift"], made_by=made_by)
    text = VERDICTS.replace("mirror,1.0,helpful", "mirror,1.0,harmful").replace("shear", "shift")
    (other.augmentation / "verdicts.csv").write_text(text)
    (other.augmentation / "verdicts-partial.csv").write_text(VERDICTS)
    other.tuning.mkdir()
    (other.tuning / "results.csv").write_text(TUNED)
    return filled


def _config(folder: Path, options: dict[str, Any] | None = None, **more: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"options": options or {}, **more}))


def _file(path: Path, size: int, days: float) -> None:
    """A file last used so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, times=(time.time() - days * DAY,) * 2)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command on the filled folder, in this process."""

    def started(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return _in_process("--results", filled.folder, *arguments)

    monkeypatch.setattr(page.console, "width", 160)
    return started


def _in_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["experiments/results.py", *map(str, arguments)])
        try:
            command.run(page.main, page.Results)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return subprocess.CompletedProcess(sys.argv, code, out.getvalue(), err.getvalue())


def _refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in ("error: ", *words):
        assert word in lines[0]


def _line(text: str, *words: str) -> str:
    """The only line with all of these words."""
    found = [line for line in text.splitlines() if all(word in line for word in words)]
    assert len(found) == 1, text
    return found[0]


def _tree(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.rglob("*")):
        yield str(path), path.stat().st_size if path.is_file() else -1


# Listing


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_with_nothing_in_it_is_said_to_be_so_and_stays_so(
    tmp_path: Path, there: bool
) -> None:
    folder = tmp_path / "results"
    if there:
        folder.mkdir()
    done = subprocess.run(
        [sys.executable, "experiments/results.py", "--results", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "holds no run, study, fit or cache" in done.stdout
    assert folder.exists() == there
    assert list(tmp_path.rglob("*")) == ([folder] if there else [])
    for ask in ("--show", "--delete", "--replay", "--redo"):
        _refused(_in_process("--results", folder, ask, "conv5"), "conv5")
    assert _in_process("--results", folder, "--prune", "0").returncode == 0


def test_the_listing_names_everything_and_changes_nothing(filled: Filled, run: Run) -> None:
    before = list(_tree(filled.folder))
    done = run()
    assert done.returncode == 0, done.stderr
    assert list(_tree(filled.folder)) == before
    assert "build_ensemble.py [x]" in _line(done.stdout, "│ demo/ensemble")
    row = _line(done.stdout, TUNING)
    assert "2 complete" in row
    assert "1.500" in row
    assert "0.050" in row, "worker hours"
    assert "demo/best/complete/conv5.json" in row
    assert "best" not in _line(done.stdout, OLDER)
    cells = [cell.strip() for cell in _line(done.stdout, "│ conv5").split("│")]
    assert cells[2:6] == ["complete", "5", "1", "3"], "fits, failed, needed"
    assert cells[8:10] == ["1", "2.000"], "weights needed, worker hours"
    assert "24.0 kB" in _line(done.stdout, "│ copies")
    assert "can be made again" in _line(done.stdout, "│ faces")


def test_everything_that_is_needed_is_known(filled: Filled) -> None:
    needs = needs_of(take(filled.folder, filled.url, given=False))
    assert needs == {
        filled.label("searched"): [f"study {SCREEN}", f"study {TUNING}"],
        filled.label("confirmed"): ["demo/best/complete/conv5.json"],
        filled.label("member"): ["outcome demo/ensemble"],
        f"weights {filled.fits['member'][:16]}": ["outcome demo/ensemble"],
        f"study {TUNING}": ["demo/best/complete/conv5.json"],
        f"study {SCREEN}": ["outcome demo/augmentation"],
        "outcome demo/augmentation": ["demo/best/complete/conv5.json"],
    }


def test_an_audit_needs_the_fits_that_judged(filled: Filled) -> None:
    key = filled.fits["another seed"]
    _config(filled.demo.audit, inputs=Inputs(fits=(key,), weights=(key,)).to_json())
    needs = needs_of(take(filled.folder, filled.url, given=False))
    assert needs[filled.label("another seed")] == ["outcome demo/audit"]
    assert needs[f"weights {key[:16]}"] == ["outcome demo/audit"]


@pytest.mark.parametrize("listed", [None, 7, {"studies": 7}])
def test_a_finding_that_lists_nothing_readable_needs_nothing(filled: Filled, listed: Any) -> None:
    path = filled.demo.best / "complete" / "conv5.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"inputs": listed}))
    needs = needs_of(take(filled.folder, filled.url, given=False))
    assert f"study {TUNING}" not in needs
    assert filled.label("confirmed") not in needs


def test_damaged_notes_are_listed_as_such(filled: Filled, run: Run) -> None:
    for path in filled.folder.rglob("*.json"):
        path.write_text("{")
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("config.json is damaged") == 2
    assert "config.json is damaged" in _line(done.stdout, "│ demo/ensemble")


def test_a_storage_that_somebody_names_must_be_there(filled: Filled, run: Run) -> None:
    missing = filled.folder / "studys.db"
    _refused(run("--storage", f"sqlite:///{missing}"), "--storage", "is not there")
    assert not missing.exists()


def test_runs_that_kept_their_studies_elsewhere_are_named(filled: Filled, run: Run) -> None:
    url = "postgresql+psycopg://me:secret@host/studies"
    _config(filled.demo.folder / "other", {"storage": url})
    done = run()
    assert "demo/other kept its studies in postgresql+psycopg://me:***@host/studies" in done.stdout
    assert "secret" not in done.stdout


def test_what_older_versions_wrote_is_told_of(filled: Filled, run: Run) -> None:
    _config(filled.folder / "ensemble")
    done = run()
    assert "ensemble in " in _line(done.stdout, "of an older version")
    assert "│ ensemble" not in done.stdout
    assert "of an older version" in _line(run("--prune", "0").stdout, "│ ensemble")


def test_runs_are_listed_with_their_data_and_score(two_runs: Filled, run: Run) -> None:
    _file(two_runs.folder / "artifacts" / "picture", 1500, 1)
    done = run()
    assert done.returncode == 0, done.stderr
    demo, photos = (_line(done.stdout, f"│ {name} ") for name in ("demo", "photos"))
    for words in ("demo", "2.500 (2.250..2.750)"):
        assert words in demo
    for words in ("lfpw.zip", "2,284", "2026-11-28", "full", "augmentation"):
        assert words in photos
    assert "1.5 kB" in _line(done.stdout, "│ artifacts")


def test_a_folder_that_runs_share_is_shown_and_not_deleted_as_a_whole(
    two_runs: Filled, run: Run
) -> None:
    assert "Nothing is in" in run("--show", "artifacts").stdout
    _file(two_runs.folder / "artifacts" / "picture", 1500, 1)
    shown = {name: run("--show", name).stdout for name in ("artifacts", "cache/", "fits")}
    assert "1.5 kB" in _line(shown["artifacts"], "│ artifacts")
    assert "copies" not in shown["artifacts"]
    assert "can be made again" in _line(shown["cache/"], "│ copies")
    assert "│ artifacts" not in shown["cache/"]
    assert "worker hours" in shown["fits"]
    _refused(run("--delete", "artifacts", "--yes"), "a folder that all runs share: --show lists")


# Showing


def test_a_study_is_shown_with_its_trials(filled: Filled, run: Run) -> None:
    done = run("--show", TUNING)
    assert '"sampler": "random"' in done.stdout
    row = _line(done.stdout, "│     1 │")
    for word in ("COMPLETE", "1.500", "90.000", "x=0.", filled.fits["searched"][:8]):
        assert word in row
    assert "Needed by: demo/best/complete/conv5.json" in done.stdout


def test_a_run_is_shown_with_its_options(run: Run) -> None:
    done = run("--show", "demo/ensemble/")
    assert '"seeds": 1' in done.stdout
    assert "Needed by: nothing" in done.stdout


def test_a_fit_is_shown_by_the_beginning_of_its_key(filled: Filled, run: Run) -> None:
    done = run("--show", filled.fits["member"][:12])
    for word in (filled.fits["member"], '"rmse": ', '"keras": "3"', '"epochs": 4'):
        assert word in done.stdout
    assert "Needed by: outcome demo/ensemble" in done.stdout
    failed = run("--show", filled.fits["failed"])
    assert '"failure": "the loss became inf in epoch 3"' in failed.stdout


def test_a_run_is_shown_with_its_verdicts_and_scores(two_runs: Filled, run: Run) -> None:
    done = run("--show", "demo")
    row = _line(done.stdout, "│ mirror")
    for word in ("helpful", "-0.500 (-0.700..-0.300)", "0.001", "6"):
        assert word in row
    assert "not confirmed" in _line(done.stdout, "│ shear")
    assert "2.625 (2.375..2.875)" in _line(done.stdout, "│ mean")
    assert "Needed by: nothing" in done.stdout
    assert "helpful" in _line(run("--show", "demo/augmentation").stdout, "│ mirror")
    photos = run("--show", "photos").stdout
    assert "on partial faces" in photos
    assert "1.500 (1.250..1.750)" in _line(photos, "lenet5, complete, tuned")


def test_tables_that_are_damaged_are_left_out(two_runs: Filled, run: Run) -> None:
    (two_runs.demo.augmentation / "verdicts.csv").write_bytes(b"\xff\x00")
    (two_runs.demo.ensemble / "score.csv").write_text("arm,score\nensemble,much\n")
    done = run("--show", "demo")
    assert done.returncode == 0, done.stderr
    assert "Verdicts" not in done.stdout
    assert "Scores" not in done.stdout


def test_a_part_of_a_name_will_do_where_no_other_has_it(two_runs: Filled, run: Run) -> None:
    assert '"seeds": 1' in run("--show", "ensem").stdout
    assert '"sampler": "random"' in run("--show", "conv5@01").stdout
    _refused(run("--show", "hotos"), "'hotos'", "photos/augmentation", "more of the name")
    _refused(run("--delete", "ensem", "--yes"), "no run, outcome", "near it: demo/ensemble")


# Comparing


def test_two_runs_are_shown_side_by_side(two_runs: Filled, run: Run) -> None:
    done = run("--compare", "demo", "pho")
    assert done.returncode == 0, done.stderr
    text = done.stdout[: done.stdout.index("on partial faces")]
    row = _line(text, "│ mirror")
    assert row.index("helpful") < row.index("harmful")
    assert "│ no " in row
    assert "│ yes " in _line(text, "│ rotation")
    cells = [cell.strip() for cell in _line(text, "│ shift").split("│")]
    assert cells[2:5] == ["", "undecided (not confirmed)", ""]
    assert "2.500 (2.250..2.750)" in _line(done.stdout, "│ ensemble ")
    assert "Of other pictures" in done.stdout
    options = done.stdout[done.stdout.index("What differs in their options") :]
    assert "lfpw.zip" in _line(options, "│ data ")
    assert "mirror, shift" in _line(options, "│ candidates ")
    assert "0.1.0+def" in _line(options, "│ code ")
    assert "elsewhere" not in options, "where they lie is no difference"


def test_two_runs_are_two(two_runs: Filled, run: Run) -> None:
    _refused(run("--compare", "demo"), "--compare", "name two runs")
    _refused(run("--compare", "demo", "dem"), "--compare", "both are run demo")
    _refused(run("--compare", "demo", "nothere"), "no run here is called 'nothere'", "photos")
    _refused(run("--compare", "demo", "o"), "'o' means demo, photos", "more of the name")


def test_an_unknown_name_is_an_error_that_names_near_ones(filled: Filled, run: Run) -> None:
    _refused(run("--show", "tuning/complete/conv5"), f"means study {TUNING}", OLDER)
    unknown = run("--show", "tuning/complete/conv6")
    _refused(unknown, "no run, outcome, study or fit", TUNING, OLDER)
    assert unknown.stderr.count(TUNING) == 1
    _refused(run("--show", "demo/ensembel"), "'demo/ensembel'", "demo/ensemble")
    key = filled.fits["loose"]
    wrong = key[:8] + ("0" if key[8] != "0" else "1")
    _refused(run("--show", wrong), "near it", key[:16])
    _refused(run("--replay", "tuning/complete/conv5"), "no study", TUNING)


def test_an_ambiguous_key_is_an_error_that_names_those_it_may_mean(
    filled: Filled, run: Run
) -> None:
    store = FitStore(filled.folder / "fits")
    for key in ("abcdef01", "abcdef02"):
        store.put(key, {"summary": {}}, {})
    _refused(run("--show", "abcdef0"), "fit abcdef01", "fit abcdef02", "more of the name")
    assert run("--show", "abcdef01").returncode == 0


# Deleting


@pytest.mark.parametrize(
    ("what", "needer"),
    [
        (TUNING, "demo/best/complete/conv5.json"),
        (SCREEN, "outcome demo/augmentation"),
        ("demo/augmentation", "demo/best/complete/conv5.json"),
        ("searched", f"study {SCREEN}"),
        ("confirmed", "demo/best/complete/conv5.json"),
        ("member", "outcome demo/ensemble"),
    ],
)
def test_what_is_needed_goes_only_by_force(
    filled: Filled, run: Run, what: str, needer: str
) -> None:
    name = filled.fits.get(what, what)
    before = list(_tree(filled.folder))
    _refused(run("--delete", name, "--yes"), "is needed by", needer, "--force")
    assert list(_tree(filled.folder)) == before
    done = run("--delete", name, "--yes", "--force")
    assert done.returncode == 0, done.stderr
    _refused(run("--show", name), "no run, outcome, study or fit")


def test_a_run_goes_as_a_whole(two_runs: Filled, run: Run) -> None:
    _refused(run("--delete", TUNING, "--yes"), "demo/best/complete/conv5.json")
    done = run("--delete", "demo", TUNING, "--yes")
    assert done.returncode == 0, done.stderr
    assert not two_runs.demo.folder.exists()
    assert TUNING not in two_runs.studies
    assert (two_runs.folder / "photos" / "augmentation" / "verdicts.csv").exists()


def test_a_study_takes_the_pictures_of_its_trials_along(filled: Filled, run: Run) -> None:
    folder, picture = filled.folder / "artifacts", filled.demo.submission
    _file(folder / "of another study", 10, 1)
    study = optuna.create_study(study_name="by hand", storage=filled.url)
    store = FileSystemArtifactStore(folder)
    upload_artifact(artifact_store=store, file_path=str(picture), study_or_trial=study.ask())
    assert len(list(folder.iterdir())) == 2
    assert run("--delete", "by hand", "--yes").returncode == 0
    assert [path.name for path in folder.iterdir()] == ["of another study"]


def test_what_nothing_needs_goes(filled: Filled, run: Run) -> None:
    done = run("--delete", OLDER, filled.fits["loose"][:10], "demo/ensemble", "--yes")
    assert done.returncode == 0, done.stderr
    assert filled.studies == [TUNING, SCREEN]
    assert not filled.has("loose")
    assert not filled.weights("loose").exists()
    assert not filled.demo.ensemble.exists()
    assert filled.has("member")
    assert filled.demo.submission.exists()


def test_what_is_needed_only_by_what_goes_along_goes(filled: Filled, run: Run) -> None:
    done = run("--delete", "demo/ensemble", filled.fits["member"], "--yes")
    assert done.returncode == 0, done.stderr
    assert not filled.has("member")


def test_it_says_what_would_go_and_asks(
    filled: Filled, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(_tree(filled.folder))
    loose = filled.fits["loose"]
    size = sum(path.stat().st_size for path in filled.folder.rglob(f"{loose}.*"))
    dry = run("--delete", loose, "--dry-run")
    assert f"{size / 1000:.1f} kB" in _line(dry.stdout, filled.label("loose"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    _refused(run("--delete", loose), "add --yes")
    assert list(_tree(filled.folder)) == before
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    for answer, gone in (("", False), ("n", False), ("y", True)):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        done = run("--delete", loose)
        assert filled.label("loose") in done.stdout
        assert ("Nothing was deleted" in done.stdout) != gone
        assert filled.has("loose") != gone


@pytest.mark.parametrize("how", [("--delete", OLDER, "--yes"), ("--prune", "0")])
def test_nothing_goes_while_a_study_is_searched(
    filled: Filled, run: Run, how: tuple[str, ...]
) -> None:
    driver = open_storage(filled.url).locks
    assert driver.take(OLDER)
    before = filled.bytes
    _refused(run(*how), OLDER, "is being searched now", "Ctrl-C")
    assert filled.bytes == before
    assert OLDER in filled.studies
    driver.release(OLDER)
    assert run(*how).returncode == 0


# Pruning


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("500MB", 500_000_000),
        ("10 gb", 10_000_000_000),
        ("1.5GiB", 3 * 2**29),
        ("2k", 2000),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "much", "10XB", "-5GB", "1.5.2GB", "5iB", "1e9", "nan", "9" * 400]
)
def test_a_size_that_is_none_is_one_clear_error(tmp_path: Path, text: str) -> None:
    _refused(_in_process("--results", tmp_path, "--prune", text), repr(text), "500MB")


def test_pruning_begins_with_the_caches_used_least_recently(filled: Filled, run: Run) -> None:
    limit = filled.bytes - 6000 - 1  # one byte more than the oldest entry
    done = run("--prune", str(limit))
    assert done.returncode == 0, done.stderr
    assert not (filled.folder / "cache" / "faces" / "training-1").exists()
    left = {path.name for path in (filled.folder / "cache" / "copies").iterdir()}
    assert left == {"new.images.npy", "new.json"}, "files that belong together go together"
    assert filled.bytes <= limit
    assert "10.0 kB" in _line(done.stdout, "cache: copies")
    assert "damaged" not in done.stdout


def test_after_the_caches_go_waste_and_weights_in_their_order(filled: Filled, run: Run) -> None:
    os.utime(filled.weights("another seed"), times=(time.time() - DAY,) * 2)
    caches, waste = 30_000, 700
    start = filled.bytes
    run("--prune", str(start - caches - waste - 1))
    assert not list((filled.folder / "fits" / "damaged").iterdir())
    assert [p.name for p in filled.demo.tuning.iterdir()] == [".table.csv.0b.part"]
    there = {name: filled.weights(name).exists() for name in ("loose", "another seed", "member")}
    assert there == {"loose": True, "another seed": False, "member": True}, "the longest unused"
    run("--prune", str(filled.bytes - 1))
    assert not filled.weights("loose").exists()
    assert filled.weights("member").exists(), "the ensemble needs them"


def test_pruning_never_takes_evidence_and_says_why_it_ends(filled: Filled, run: Run) -> None:
    before = list(_tree(filled.folder))
    dry = run("--prune", "1kB", "--dry-run")
    assert list(_tree(filled.folder)) == before
    done = run("--prune", "1kB")
    assert done.returncode == 0, done.stderr
    for told in (dry, done):
        assert "train these fits again" in _line(told.stdout, "weights of the ensemble")
        assert "1.0 kB cannot be reached" in told.stdout
        assert "evidence" in _line(told.stdout, "│ fits")
        assert "the outcomes of a run" in _line(told.stdout, "│ demo")
    assert f"{filled.bytes / 1000:.1f} kB now" in done.stdout
    assert all(filled.has(fit) for fit in filled.fits)
    assert len(filled.studies) == 3
    assert (filled.demo.best / "complete" / "conv5.json").exists()
    assert filled.demo.policy.exists()
    assert filled.demo.submission.exists()
    assert not list(filled.folder.rglob("*.weights.npz"))


def test_a_cache_entry_that_is_being_written_stays(filled: Filled, run: Run) -> None:
    _file(filled.folder / "cache" / "copies" / ".new.images.npy.0c.part", 900, 0)
    assert run("--prune", "0").returncode == 0
    left = {path.name for path in (filled.folder / "cache" / "copies").iterdir()}
    assert left == {"new.images.npy", "new.json", ".new.images.npy.0c.part"}


# Replaying and redoing


def test_a_study_is_replayed(filled: Filled, run: Run) -> None:
    done = run("--replay", TUNING)
    assert done.returncode == 0, done.stderr
    assert "Proposals: 2, the same in the same order." in done.stdout
    study = optuna.load_study(study_name=TUNING, storage=filled.url)
    study.set_user_attr("proposals", Proposals(Random(), seed=1).to_json())
    done = run("--replay", TUNING)
    assert done.returncode == 1
    assert "2 of 2 proposals differ: trials 0, 1." in done.stdout
    other = optuna.create_study(study_name="by hand", storage=filled.url)
    other.ask()
    _refused(run("--replay", "by hand"), "does not tell how its trials were proposed")


@pytest.fixture
def trained(faces: Faces, tmp_path: Path, backend: Any) -> tuple[FitStore, str, FitSpec]:
    """A store with one real fit."""
    training = Training(epochs=2, batch_size=8)
    spec = FitSpec(LeNet5.tiny(), split=Split("all"), training=training, backend=backend)
    fits = Fits(FitStore(tmp_path / "results" / "fits"), faces.fingerprint)
    fits.keep(spec, fit(spec, faces))  # type: ignore[arg-type]
    return fits.store, fits.key(spec), spec


def test_a_fit_done_again_gives_the_same_bits(
    trained: tuple[FitStore, str, FitSpec], faces: Faces, tmp_path: Path
) -> None:
    store, key, spec = trained
    before = list(_tree(store.root))
    done = redo(store, key, faces, tmp_path / "copies")
    assert done.same
    assert (done.pixels, done.versions) == (0.0, {})
    assert list(_tree(store.root)) == before
    stored = store.get(key)
    assert stored is not None
    store.discard(key)
    arrays = dict(stored.arrays)
    arrays["predictions"] = arrays["predictions"].copy()
    arrays["predictions"][0, 0, 0] += 0.5
    store.put(key, stored.record | {"versions": {"numpy": "1.0"}}, arrays)
    other = redo(store, key, faces, tmp_path / "copies")
    assert not other.same
    assert other.pixels == pytest.approx(0.5, abs=1e-4)
    assert "differ by up to 0.5 px" in other.difference
    assert other.versions["numpy"] == ("1.0", np.__version__)
    fits = Fits(store, faces.fingerprint)
    store.discard(key)
    fits.keep(spec, Failed("the loss became inf in epoch 1"))
    assert "failed then: the loss became inf" in redo(store, key, faces, tmp_path).difference


def test_other_faces_cannot_repeat_a_fit(
    trained: tuple[FitStore, str, FitSpec], faces: Faces, tmp_path: Path
) -> None:
    store, key, _ = trained
    with pytest.raises(UserError, match="other faces or by other code"):
        redo(store, key, faces.take(np.arange(40)), tmp_path)


def test_the_command_tells_whether_a_fit_came_out_again(
    trained: tuple[FitStore, str, FitSpec],
    faces: Faces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Loaded:
        training = faces

    monkeypatch.setattr(Options, "read", lambda self: Loaded)
    store, key, spec = trained
    done = _in_process("--results", tmp_path / "results", "--redo", key[:9])
    assert done.returncode == 0, done.stderr
    assert "bit for bit the same" in done.stdout
    store.discard(key)
    Fits(store, faces.fingerprint).keep(spec, Failed("out of memory"))
    done = _in_process("--results", tmp_path / "results", "--redo", key[:9])
    assert done.returncode == 1
    assert "it failed then: out of memory" in done.stdout


# The command line


def test_one_thing_is_asked_at_a_time(run: Run) -> None:
    _refused(run("--show", "ensemble", "--prune", "1GB"), "--show and --prune", "one of them")


def test_only_options_that_make_sense_are_offered() -> None:
    done = _in_process("--help")
    assert done.returncode == 0
    for option in ("--show", "--delete", "--prune", "--replay", "--redo", "--force", "--yes"):
        assert option in done.stdout
    for option in ("--preset", "--seed", "--gpus-per-trial"):
        assert option not in done.stdout
