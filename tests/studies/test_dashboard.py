"""What a person sees who opens Optuna's dashboard on our studies, in a real browser."""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from optuna.trial import TrialState
from results_for_tests import made_up_result

from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.lenet5 import LeNet5
from fkd_core.report.trial_page import TrialPages
from fkd_core.studies.proposals import Proposals
from fkd_core.studies.pruning import Never
from fkd_core.studies.sampling import Random
from fkd_core.studies.storage import Storage, open_storage
from fkd_core.studies.study import Study, StudyPlan
from fkd_core.studies.trial import TrialEnd

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome here")

NAME = "augmentation/complete/screen/rotation@0123abcd"
UP_SECONDS = 600.0
PICTURE = "worst-faces.png"  # the last a trial's page shows
LOOKS = 5
"""How often a page is loaded that is not whole yet: a busy machine may cut a browser short."""
Curve = Sequence[float]
SPEC = FitSpec(LeNet5(), split=Split("all"), training=Training(epochs=12))
COMMAND = "python experiments/tune_models.py --data faces.zip --models lenet5"
KEY = "0123456789abcdef"


def _study(storage: Storage, name: str, trials: int) -> Study:
    plan = StudyPlan(
        name=name,
        space=lambda trial: {"strength": trial.suggest_float("strength", 0.0, 1.0)},
        specs=lambda values: (),
        score=lambda results: 0.0,
        pruner=Never(),
        proposals=Proposals(Random()),
        trials=trials,
        notes={"transform": "turns the face about its middle"},
    )
    return Study(plan, storage)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, faces: Faces) -> Path:
    """A folder with studies.db and artifacts/. Of the two studies the first has one trial in
    every state a trial may end in, each with its page."""
    folder = tmp_path_factory.mktemp("results")
    storage = open_storage(f"sqlite:///{folder / 'studies.db'}")
    study = _study(storage, NAME, trials=3)
    pages = TrialPages(faces, folder / "artifacts", {"command": COMMAND})
    whole = [made_up_result(SPEC, faces)]
    ends: tuple[tuple[TrialState, float | None, list[FitResult], Curve, dict[str, Any]], ...] = (
        (TrialState.COMPLETE, -0.125, whole, (), {"fits": [KEY], "rmse": [1.5]}),
        (TrialState.PRUNED, None, [], (9.0, 7.5), {}),
        (TrialState.FAIL, None, [], (), {"failure": "the loss became NaN"}),
    )
    for state, value, made, curve, facts in ends:
        proposal = study.next()
        assert proposal is not None
        number = proposal.number
        study.report(number, 33 if state == TrialState.PRUNED else 1, -0.25)
        pages(TrialEnd(study, number, state, [SPEC], made, curve, facts))
        study.finish(number, state, value, facts)
    _study(storage, "compose/rotation+mirror@89ef4567", trials=1)
    return folder


@pytest.fixture(scope="module")
def dashboard(results: Path) -> Iterator[str]:
    """The address of the real `optuna-dashboard` on a free port of the loopback."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("optuna-dashboard")
    kept = ["--artifact-dir", str(results / "artifacts"), f"sqlite:///{results / 'studies.db'}"]
    server = subprocess.Popen(
        [str(program), "--host", "127.0.0.1", "--port", str(port), "--quiet", *kept],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=300)


def _wait_until_up(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with (
            contextlib.suppress(OSError),  # refused, or no answer in time
            urllib.request.urlopen(f"{address}/api/studies", timeout=60),
        ):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.2)
    pytest.fail(f"optuna-dashboard did not answer (exit code {server.poll()})")


@functools.cache
def _dom(address: str, whole: str) -> str:
    """The page as it stands once its scripts have run: these words belong to it."""
    for _ in range(LOOKS):
        with tempfile.TemporaryDirectory(prefix="fkd-browser-") as profile:
            shown = _loaded(address, profile)
        if whole in shown:
            break
    return shown


def _loaded(address: str, profile: str) -> str:
    assert BROWSER is not None
    shown = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            f"--user-data-dir={profile}",
            "--window-size=1400,1200",
            "--virtual-time-budget=15000",
            "--dump-dom",
            address,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return shown.stdout


def _page(address: str, whole: str) -> str:
    """Its words."""
    without_scripts = re.sub(r"<(style|script).*?</\1>", "", _dom(address, whole), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without_scripts).split())


def test_the_first_page_lists_every_study_by_its_name(dashboard: str) -> None:
    page = _page(f"{dashboard}/dashboard", NAME)
    assert NAME in page
    assert "compose/rotation+mirror@89ef4567" in page


def test_a_trial_is_shown_as_it_really_ended(dashboard: str) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials", "3 Trials")
    assert "3 Trials" in page
    assert "Trial 0 Complete" in page
    assert "Trial 1 Pruned" in page
    assert "Trial 2 Fail" in page


def test_a_trial_shows_its_value_its_steps_and_its_notes(dashboard: str) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials?numbers=0", PICTURE)
    assert "Value -0.125 Intermediate Values 1 -0.25" in page
    assert f'fits ["{KEY}"]' in page


def test_a_trials_page_tells_what_it_was_and_how_to_make_it_again(
    dashboard: str,
) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials?numbers=0", PICTURE)
    assert "Trial 0: complete" in page
    assert "A lenet5 for the pipeline complete" in page
    assert COMMAND in page
    assert f"python experiments/results.py --redo {KEY} --data faces.zip" in page
    assert "|" not in page  # tables are tables


def test_a_trials_page_shows_its_pictures_large_and_as_artefacts(
    dashboard: str,
) -> None:
    dom = _dom(f"{dashboard}/dashboard/studies/1/trials?numbers=0", PICTURE)
    shown = re.findall(r'<img[^>]*src="(/artifacts/[^"]+)"', dom)
    assert len(shown) == 4
    assert len(set(shown)) == 2
    assert "learning-curves.png" in dom
    assert "worst-faces.png" in dom
    for path in set(shown):
        with urllib.request.urlopen(f"{dashboard}{path}", timeout=300) as answer:
            assert answer.headers["Content-Type"] == "image/png"
            picture = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[1] == 960


def test_a_pruned_trial_shows_the_step_it_was_stopped_at(dashboard: str) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials?numbers=1", "Intermediate Values")
    assert "Intermediate Values 33 -0.25" in page


def test_a_failed_trial_shows_its_reason(dashboard: str) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials?numbers=2", "the loss became NaN")
    assert "the loss became NaN" in page
