"""What made a figure or a finding, and by which options."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.files import write_text
from fkd_core.libraries import own_version
from fkd_core.options import option, without_passwords

ROOT = Path(__file__).parents[2]
"""Where the package lies: the checkout, or where packages are installed."""
PRESETS = ("smoke", "quick", "full")
"""By how much they find out, least first."""


def provenance(
    preset: str,
    seed: int,
    faces: Faces,
    asked: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What makes a figure or a finding: the command, code version, the faces, preset, seed.

    `asked` is the command, where it was not typed but asked for in Python; `given` are the sizes
    that stood in place of the preset's.
    """
    return {
        "command": asked or typed(sys.argv),
        "code": code_version(),
        "data": faces.fingerprint[:16],
        "pictures": faces.pictures[:16],
        "faces": len(faces),
        "date": date.today().isoformat(),
        "preset": preset,
        "given": dict(given or {}),
        "seed": seed,
    }


def typed(argv: Sequence[str]) -> str:
    """This process's command line, as one types it to run it again."""
    program, *options = argv
    name = Path(program)
    if name.stem == "fkd":
        words = ["fkd"]
    elif name.name == "__main__.py":
        words = ["python", "-m", name.parent.name]
    else:
        words = ["python", os.path.relpath(program)]
    return without_passwords(shlex.join([*words, *options]))


def made(made_by: Mapping[str, Any]) -> str:
    """When, on what, how large and by which code something was made, in words."""
    given = made_by.get("given")
    sizes = given.items() if isinstance(given, Mapping) else ()
    return (
        f"on {made_by.get('date', 'an unknown day')} on {made_by.get('faces', '?')} faces with "
        f"preset {made_by.get('preset', '?')}"
        + "".join(f", {option(name)} {size}" for name, size in sizes)
        + f", by code {made_by.get('code', '?')}"
    )


def origin(path: Path, made_by: Mapping[str, Any], faces: Faces, preset: str | None = None) -> str:
    """Where a finding comes from, in words, and whether from a smaller preset than this one.
    Raises UserError where it was found on other pictures than these, or does not tell on which:
    it would steer them without having met them."""
    told = f"{path}, found {made(made_by)}"
    found = made_by.get("preset")
    if preset in PRESETS and found in PRESETS[: PRESETS.index(preset)]:
        told += f" (a smaller run than one with preset {preset})"
    if made_by.get("pictures") != faces.pictures[:16]:
        raise UserError(
            f"{told}, other pictures than these: run the search on these, or keep both apart with "
            f"--run, or delete that file (made by: {made_by.get('command', '?')})"
        )
    return told


def write_config(path: Path, options: Any, **resolved: Any) -> None:
    """The options as given, a dataclass, and as resolved, as JSON."""
    text = json.dumps({"options": asdict(options), **resolved}, indent=2, default=str)
    write_text(path, text + "\n")


def code_version(root: Path = ROOT) -> str:
    """The version, and what git says of the checkout; it is not asked where the program is
    installed, for the repository around it would be another one."""
    installed = own_version()
    if not (root / ".git").exists():
        return installed
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # there is no git
        return installed
    return f"{installed}+{described.stdout.strip()}" if described.returncode == 0 else installed
