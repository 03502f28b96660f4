"""What a person sees who opens Optuna's dashboard on our studies, in a real browser."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from fkd_core.search.proposals import Proposals
from fkd_core.search.studies import Study, StudyPlan, open_storage

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome here")

NAME = "augmentation/complete/screen/rotation@0123abcd"
UP_SECONDS = 180.0


def _study(storage: optuna.storages.BaseStorage, name: str, trials: int) -> Study:
    plan = StudyPlan(
        name=name,
        space=lambda trial: {"strength": trial.suggest_float("strength", 0.0, 1.0)},
        specs=lambda values: (),
        score=lambda results: 0.0,
        hopeless=lambda results: False,
        proposals=Proposals("random"),
        trials=trials,
        notes={"transform": "turns the face about its middle"},
    )
    return Study(plan, storage)


@pytest.fixture(scope="module")
def storage_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two studies; the first has one trial in every state a trial may end in."""
    url = f"sqlite:///{tmp_path_factory.mktemp('studies') / 'studies.db'}"
    storage = open_storage(url)
    study = _study(storage, NAME, trials=3)
    ends = (
        (TrialState.COMPLETE, -0.125, {"fits": ["f1", "f2"]}),
        (TrialState.PRUNED, None, {}),
        (TrialState.FAIL, None, {"reason": "the loss became NaN"}),
    )
    for state, value, notes in ends:
        proposal = study.next()
        assert proposal is not None
        study.report(proposal.number, 33 if state == TrialState.PRUNED else 1, -0.25)
        study.finish(proposal.number, state, value, notes)
    _study(storage, "compose/rotation+mirror@89ef4567", trials=1)
    return url


@pytest.fixture(scope="module")
def dashboard(storage_url: str) -> Iterator[str]:
    """The address of the real `optuna-dashboard` on a free port of the loopback."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("optuna-dashboard")
    server = subprocess.Popen(
        [str(program), "--host", "127.0.0.1", "--port", str(port), "--quiet", storage_url],
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
        server.wait(timeout=30)


def _wait_until_up(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError),
            urllib.request.urlopen(f"{address}/api/studies", timeout=5),
        ):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.2)
    pytest.fail(f"optuna-dashboard did not answer (exit code {server.poll()})")


def _page(address: str, profile: Path) -> str:
    """The page's words as they stand once its scripts have run."""
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
        timeout=300,
        check=True,
    )
    without_scripts = re.sub(r"<(style|script).*?</\1>", "", shown.stdout, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without_scripts).split())


def test_the_first_page_lists_every_study_by_its_name(dashboard: str, tmp_path: Path) -> None:
    page = _page(f"{dashboard}/dashboard", tmp_path)
    assert NAME in page
    assert "compose/rotation+mirror@89ef4567" in page


def test_a_trial_is_shown_as_it_really_ended(dashboard: str, tmp_path: Path) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials", tmp_path)
    assert "3 Trials" in page
    assert "Trial 0 Complete" in page
    assert "Trial 1 Pruned" in page
    assert "Trial 2 Fail" in page


def test_a_trial_shows_its_value_its_steps_and_its_notes(dashboard: str, tmp_path: Path) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials?numbers=0", tmp_path)
    assert "Value -0.125 Intermediate Values 1 -0.25" in page
    assert 'fits ["f1", "f2"]' in page


def test_a_pruned_trial_shows_the_step_it_was_stopped_at(dashboard: str, tmp_path: Path) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials?numbers=1", tmp_path)
    assert "Intermediate Values 33 -0.25" in page


def test_a_failed_trial_shows_its_reason(dashboard: str, tmp_path: Path) -> None:
    page = _page(f"{dashboard}/dashboard/studies/1/trials?numbers=2", tmp_path)
    assert "the loss became NaN" in page
