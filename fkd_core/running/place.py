"""Where fits run: this machine alone, or a Ray cluster that is joined."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import fkd_core
import search_spaces
from fkd_core.errors import UserError
from fkd_core.files import keep_under
from fkd_core.needs import check, cluster

# Ray reads these when it is imported: nothing phones home, nothing clutters the terminal.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

SHORT_FOLDER = Path("/tmp/ray")
"""Where Ray keeps its files unless TMPDIR, or RAY_TMPDIR, says otherwise."""
_MOST_BYTES = 103 - len("/session_2025-12-31_23-59-59_000000_4194304/sockets/plasma_store.9")
"""Of a folder in which Ray's sockets can lie: their names may have 103 bytes on macOS, and 107 on
Linux."""


@dataclass(frozen=True)
class Place:
    """Where fits run, and what they may take."""

    cache: Path
    """Folder for what can be made again."""
    address: str | None = None
    """Of a running Ray cluster; None starts Ray on this machine alone."""
    gpus_per_trial: float | Literal["auto"] | None = None
    """A fraction of a GPU, or whole ones; None: a quarter where there are GPUs; "auto": what a
    first fit of each model shows that it needs."""
    checkpoints: str | None = None
    """Folder or fsspec URL, reached by every machine, for fits on their way; None for none."""
    fit_minutes: float | None = None
    """A fit that takes longer is stopped."""
    threads: int = 1
    """CPUs a worker holds."""
    cache_bytes: int = 250_000_000
    """What a session leaves of the cache on this machine, the latest used; while it lasts, the
    cache may have ``augment.render.LIMIT_BYTES``."""

    def trim(self) -> None:
        """Drops what is beyond that: no fit of a session that has ended waits for it."""
        keep_under(self.cache, self.cache_bytes)

    @property
    def folder(self) -> Path:
        """Where Ray keeps its files on this machine: where it would by itself, or where that is
        too long for the names of its sockets, in SHORT_FOLDER."""
        from ray._common.utils import get_default_ray_temp_dir

        own = get_default_ray_temp_dir()
        fits = os.name == "nt" or len(os.fsencode(own)) <= _MOST_BYTES
        return Path(own) if fits else SHORT_FOLDER

    def connect(self) -> None:
        """Starts Ray here, reached from this machine alone, or joins the cluster and takes this
        code along. Raises UserError where the cluster does not answer."""
        import ray

        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        if not self.address:
            try:
                with _own_sigterm(), _on_loopback():
                    ray.init(
                        address="local",
                        include_dashboard=False,
                        _temp_dir=str(self.folder),
                        **quiet,
                    )
            except Exception as error:  # Ray raises a bare one where a machine is too busy
                reason = str(error).strip().partition(". ")[0]
                cure = (
                    "name another folder with TMPDIR"
                    if isinstance(error, OSError) and error.filename
                    else f"free memory, CPUs and room in {self.folder}"
                )
                raise UserError(
                    f"Ray could not start on this machine ({reason}); {cure}, and run the same "
                    "command again"
                ) from error
            return
        check(cluster(self.address))  # Ray itself would try for minutes
        code = [str(Path(module.__path__[0])) for module in (fkd_core, search_spaces)]
        try:
            with _own_sigterm():
                ray.init(address=self.address, runtime_env={"py_modules": code}, **quiet)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"--address: no Ray cluster answers at {self.address} ({reason}); start one with "
                "`ray start --head` (RAY_AUTH_MODE=token here too where it asks for a token), or "
                "leave --address and RAY_ADDRESS out to run on this machine"
            ) from error


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keeps this process's handler of SIGTERM: Ray puts one in its place that ends the process
    without leaving anything in order."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(handler) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """What Ray starts here is bound to 127.0.0.1, as it always is on Windows and macOS; elsewhere
    Ray would listen on every address of this machine."""
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"  # for what it starts
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        del os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR]
