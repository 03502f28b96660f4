"""Imported first by every page: one line says what is not installed, or that Ctrl-C came while it
loaded. Standard library alone."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

NEEDED = ("fkd_core", "numpy", "tyro", "optuna", "rich", "ray", "keras", "tensorflow", "cv2")
"""Modules without which no page runs."""


def lacking() -> list[str]:
    """Those of NEEDED that this Python has not got."""
    return [name for name in NEEDED if find_spec(name) is None]


def advice() -> str:
    """How to run the page with a Python that has all."""
    root, windows = Path(__file__).resolve().parents[1], sys.platform == "win32"
    python = root / ".venv" / ("Scripts/python.exe" if windows else "bin/python")
    if python.exists() and Path(sys.prefix).resolve() != (root / ".venv").resolve():
        return f"run it with {python}"
    how = "by hand, as README.md says" if windows else f"make -C {root} install"
    return f"install them ({how}), then run it with {python}"


if missing := lacking():
    print(
        f"error: this Python ({sys.executable}) lacks {', '.join(missing)}; {advice()}",
        file=sys.stderr,
    )
    sys.exit(2)
from fkd_core.streams import reopen  # noqa: E402  # after fkd_core is known to be there

reopen()
if Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent:  # a page runs
    from fkd_core.stopping import while_loading

    while_loading()
if sys.stderr.isatty() and not {"-h", "--help", "--version"} & {*sys.argv}:
    print("loading ...", file=sys.stderr, flush=True)  # importing all of it takes seconds
