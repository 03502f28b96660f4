"""What made a figure or a finding, and by which options."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fkd_core.files import write_text
from fkd_core.fitting.fits import Fits


def provenance(seed: int, fits: Fits) -> dict[str, Any]:
    """What makes a figure: this command, code version, data fingerprint, seed."""
    return {
        "command": "python " + shlex.join([os.path.relpath(sys.argv[0]), *sys.argv[1:]]),
        "code": _code_version(),
        "data": fits.fingerprint[:16],
        "seed": seed,
    }


def caption(made_by: Mapping[str, Any]) -> str:
    """Provenance in one line, for figures."""
    return (
        f"{made_by['command']} · code {made_by['code']} · data {made_by['data']} · "
        f"seed {made_by['seed']}"
    )


def write_config(path: Path, options: Any, **resolved: Any) -> None:
    """The options as given, a dataclass, and as resolved, as JSON."""
    text = json.dumps({"options": asdict(options), **resolved}, indent=2, default=str)
    write_text(path, text + "\n")


def _code_version() -> str:
    try:
        installed = version("fkd")
    except PackageNotFoundError:
        installed = "0"
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{installed}+{described.stdout.strip()}" if described.returncode == 0 else installed
