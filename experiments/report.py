"""Writes the page of a run: what was asked, what was found, and how sure that is.

    python experiments/report.py
    python experiments/report.py --results FOLDER

One HTML file that needs no network: scores and effects with their intervals, the augmentations on
faces, searches, learning curves, worst faces, predicted test images, costs, and the command behind
every figure. The other commands write it at their end; this one writes it again, for instance
where the run's data has moved (--data). What was not made yet is left out with the command that
makes it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from fkd_core import command
from fkd_core.command import console
from fkd_core.data.kaggle import Competition
from fkd_core.errors import UserError
from fkd_core.report.page.run import read_json
from fkd_core.report.page.writing import places_of, write_report


@dataclass(frozen=True)
class Report:
    """Options of this command."""

    results: Path = Path("results")
    """Folder that the experiments wrote."""
    data: Path | None = None
    """Folder or archive with the competition's files; without it, what the run itself used."""
    corrections: Path | None = None
    """Table of corrected labels; without it, what the run itself used."""
    storage: str | None = None
    """Optuna storage URL; without it, what the run itself used."""
    out: Path | None = None
    """File to write, in place of report.html in the results folder."""

    def check(self) -> None:
        """Raises UserError where there are no results."""
        if not self.results.is_dir():
            raise UserError(f"--results: {self.results} is no folder; give one that a run wrote")


def main(options: Report) -> None:
    """Write the page of a run."""
    begun = time.monotonic()
    shared = of_the_run(options)
    path = write_report(shared, faces_of(shared), options.out)
    size = path.stat().st_size / 1e6
    console.print(f"{path} ({size:.1f} MB, {time.monotonic() - begun:.1f} s)", soft_wrap=True)


def of_the_run(options: Report) -> command.Options:
    """The options that experiments share, as the run had them where none are given here."""
    given = command.Options(options.data, options.results, options.corrections)
    told = gather_options(given)
    path = {name: Path(str(told[name])) for name in ("data", "corrections") if told.get(name)}
    return replace(
        given,
        data=options.data or path.get("data"),
        corrections=options.corrections or path.get("corrections"),
        storage=options.storage or told.get("storage"),
    )


def gather_options(options: command.Options) -> dict[str, str]:
    """Of the command that ran last."""
    places = places_of(options)
    folders = (places.ensemble, places.tuning, places.augmentation)
    configs = [folder / "config.json" for folder in folders]
    latest = sorted((c for c in configs if c.exists()), key=lambda c: c.stat().st_mtime)
    told = read_json(latest[-1]).get("options", {}) if latest else {}
    return {k: v for k, v in told.items() if v is not None}


def faces_of(options: command.Options) -> Competition | None:
    """The run's data; None, with a line, where it cannot be read."""
    try:
        return options.load()
    except UserError as error:
        console.print(f"No faces are shown: {error}", soft_wrap=True)
        return None


if __name__ == "__main__":
    command.run(main, Report)
