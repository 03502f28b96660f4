"""Checkpoints: where unfinished fits stand, in a folder or object store that outlives a machine.

One sealed file a fit (see ``sealed``), under the fit's key. A checkpoint only saves work: one that
is missing, damaged or made by other versions of the libraries counts as absent, and one that
cannot be written stops no fit.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from fkd_core.errors import UserError
from fkd_core.files import UNFINISHED
from fkd_core.fitting.result import FIGURES, Checkpoint
from fkd_core.fitting.sealed import DamagedError, read_sealed, write_sealed
from fkd_core.libraries import versions

ENDING = ".checkpoint"
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss"})
"""Protocols under which an object appears whole or not at all, and moving it copies it."""
_PROBE = "probe"

log = logging.getLogger(__name__)


class Checkpoints:
    """The latest checkpoint of each fit, below `url`: a local path or any URL that fsspec knows.

    A local path should be absolute: workers may run in another folder. Whoever gives up a paused
    fit for good should `discard` its checkpoint.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._told = False

    def check(self) -> None:
        """Raises UserError where nothing can be written, read and deleted below the URL."""
        try:
            probe = Checkpoint(0, [], [], (float("inf"), 0, []))
            self._write(_PROBE, probe)
            self._read(_PROBE)
            self.discard(_PROBE)
        except Exception as error:  # every file system has exceptions of its own
            raise UserError(
                f"checkpoints cannot be kept in {self.url} ({_in_short(error)}): name a folder, "
                "or a URL that fsspec knows, where files can be written"
            ) from error

    def put(self, key: str, checkpoint: Checkpoint) -> None:
        """Keeps the fit's latest checkpoint, whole or not at all; says once where it cannot."""
        try:
            self._write(key, checkpoint)
        except Exception as error:
            if not self._told:
                log.warning(
                    "checkpoints cannot be written to %s (%s): fits go on without them",
                    self.url,
                    _in_short(error),
                )
            self._told = True

    def get(self, key: str) -> Checkpoint | None:
        """The fit's latest checkpoint, or None where none can be had."""
        try:
            meta, arrays = self._read(key)
        except FileNotFoundError:
            return None
        except Exception as error:
            log.warning("no checkpoint is read from %s: %s", self.url, _in_short(error))
            return None
        if meta["key"] != key or meta["versions"] != _versions():
            return None
        return Checkpoint(
            epoch=len(arrays["history"]),
            state=_listed(arrays, "state"),
            history=[tuple(figures) for figures in arrays["history"].tolist()],
            best=(meta["best_rmse"], meta["best_epoch"], _listed(arrays, "best")),
            seconds=meta["seconds"],
        )

    def discard(self, key: str) -> None:
        """Forgets the fit's checkpoint, and what writers of it left unfinished."""
        with suppress(Exception):  # it may be gone, or the network
            self._files.rm_file(self._path(key))
        with suppress(Exception):
            for path in self._files.ls(self._root, detail=False, refresh=True):
                name = path.rsplit("/", 1)[-1]
                if name.startswith(f".{key}{ENDING}.") and name.endswith(UNFINISHED):
                    self._files.rm_file(path)

    @cached_property
    def _place(self) -> tuple[Any, str]:
        files, root = fsspec.url_to_fs(self.url)
        return files, root.rstrip("/")

    @property
    def _files(self) -> Any:
        return self._place[0]

    @property
    def _root(self) -> str:
        return self._place[1]

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}{ENDING}"

    def _write(self, key: str, checkpoint: Checkpoint) -> None:
        history = np.asarray(checkpoint.history, np.float64).reshape(-1, len(FIGURES))
        best_rmse, best_epoch, best = checkpoint.best
        meta = {
            "key": key,
            "versions": _versions(),
            "best_rmse": best_rmse,
            "best_epoch": best_epoch,
            "seconds": dict(checkpoint.seconds),
        }
        arrays = {"history": history}
        arrays |= {f"state/{i:05d}": array for i, array in enumerate(checkpoint.state)}
        arrays |= {f"best/{i:05d}": array for i, array in enumerate(best)}
        files, path = self._files, self._path(key)
        if isinstance(files, LocalFileSystem):
            write_sealed(Path(path), meta, arrays)
            return
        with tempfile.TemporaryDirectory(prefix="fkd-checkpoint-") as folder:
            sealed = Path(folder) / "sealed"
            write_sealed(sealed, meta, arrays)
            if _protocols(files) & _OBJECT_STORES:
                files.put_file(str(sealed), path)
                return
            files.makedirs(self._root, exist_ok=True)
            aside = f"{self._root}/.{key}{ENDING}.{secrets.token_hex(6)}{UNFINISHED}"
            files.put_file(str(sealed), aside)
            files.mv(aside, path)

    def _read(self, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What `_write` wrote. Raises FileNotFoundError, DamagedError, or the network's errors."""
        files, path = self._files, self._path(key)
        if isinstance(files, LocalFileSystem):
            meta, arrays = read_sealed(Path(path))
        else:
            with tempfile.TemporaryDirectory(prefix="fkd-checkpoint-") as folder:
                sealed = Path(folder) / "sealed"
                files.get_file(path, str(sealed))
                meta, arrays = read_sealed(sealed)
        wanted = {"key", "versions", "best_rmse", "best_epoch", "seconds"}
        if not isinstance(meta, dict) or not wanted <= meta.keys() or "history" not in arrays:
            raise DamagedError(f"{path} is no checkpoint")
        return meta, arrays


def _listed(arrays: dict[str, Any], kind: str) -> list[Any]:
    return [arrays[name] for name in sorted(arrays) if name.startswith(f"{kind}/")]


def _protocols(files: Any) -> set[str]:
    return {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)


def _versions() -> dict[str, str]:
    """Of what lays out a checkpoint's arrays, without importing it."""
    return versions(("keras", "tensorflow", "jax"))


def located(url: str) -> str:
    """The URL, or the absolute form of a local path, which means the same to every process."""
    return url if "://" in url else str(Path(url).resolve())


def _in_short(error: BaseException) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first[:300]
