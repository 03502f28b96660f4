"""The real command with real fits on a real Ray cluster of two machines, one of which is lost."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from short_runs import SHORT_SEARCH, start

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.running.place import Place
from fkd_core.running.session import session

ROOT = Path(__file__).parents[1]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head that only drives, and two machines with one CPU each."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    started.machines = [started.add_node(num_cpus=1) for _ in range(2)]
    yield started
    started.shutdown()


JOIN = """
import sys
from pathlib import Path

from fkd_core.data.demo import demo_folder
from fkd_core.data.kaggle import load_competition
from fkd_core.running.place import Place
from fkd_core.running.session import session


def where():
    import fkd_core, ray

    return fkd_core.__file__, ray.get_runtime_context().get_node_id()


here = Path(__file__).parent
faces = load_competition(demo_folder(here / "demo"), here / "cache").training
with session(faces, Place(here, sys.argv[1])) as joined:
    found = []
    while len({node for _, node in found}) < 2:  # until both machines have started
        found += joined.map([where] * 4)
print(*sorted({file for file, _ in found}), sep="\\n")
"""


@pytest.mark.slow
def test_the_code_travels_to_every_machine(cluster: Any, tmp_path: Path) -> None:
    # Elsewhere than the project: Ray also looks for code where the driver was started.
    (tmp_path / "join.py").write_text(JOIN)
    told = subprocess.run(
        [sys.executable, "join.py", cluster.address],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-3000:]
    for file in told.stdout.split():
        assert "runtime_resources" in file, "unpacked by Ray, not installed there"
        shipped = Path(file).with_name("keypoints.py")
        assert shipped.read_bytes() == (ROOT / "fkd_core" / "keypoints.py").read_bytes()


def test_a_cluster_that_does_not_answer_is_one_clear_error(faces: Faces, tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"--address: no Ray cluster answers at 127\.0\.0\.1:1 "),
        session(faces, Place(tmp_path, "127.0.0.1:1")),
    ):
        pass


@pytest.mark.slow
def test_a_search_on_two_machines_ends_the_same_though_one_is_killed(
    cluster: Any, tmp_path: Path, searched: Path
) -> None:
    search = start(SHORT_SEARCH, tmp_path, "--address", cluster.address)
    kept = tmp_path / "fits" / "fits"
    while search.poll() is None and len(list(kept.rglob("*.fit"))) < 6:
        time.sleep(0.05)  # polls: until both are at work
    cluster.remove_node(cluster.machines[1], allow_graceful=False)
    _, err = search.communicate(timeout=1800)
    assert search.returncode == 0, err[-3000:]
    assert _verdicts(tmp_path) == _verdicts(searched)


def _verdicts(results: Path) -> list[dict[str, str]]:
    with open(results / "demo" / "augmentation" / "verdicts.csv", newline="") as file:
        return list(csv.DictReader(file))
