"""Writes the page of a run: what was asked, what was found, and how sure that is.

    python experiments/report.py
    python experiments/report.py --run NAME
    python experiments/report.py --run NAME --compare OTHER

One HTML file that needs no network: scores and effects with their intervals, the augmentations on
faces, searches, learning curves, worst faces, predicted test images, costs, and the command behind
every figure. Searching, tuning and building write it at their end; this one writes it again, for
instance where the run's data has moved (--data), or beside another run (--compare). What was not
made yet is left out with the command that makes it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from fkd_core import needs
from fkd_core.data.kaggle import Competition
from fkd_core.errors import UserError
from fkd_core.files import read_json
from fkd_core.needs import Need
from fkd_core.report.page.writing import PAGE, write_report
from fkd_core.runs import Run, run_of, runs_in
from fkd_core.shared_options import Options
from fkd_core.terminal import say


@dataclass(frozen=True)
class Report:
    """Options of this command."""

    run: str | None = None
    """Whose page; without it, the run of --data, else the one that was worked on last."""
    compare: str | None = None
    """Another run, to set beside it: scores, errors on equal faces, verdicts, and options
    that differ."""
    results: Path = Path("results")
    """Folder that the experiments wrote to."""
    data: Path | None = None
    """Folder or archive with the competition's files; without it, what the run itself used."""
    corrections: Path | None = None
    """Table of corrected labels; without it, what the run itself used."""
    storage: str | None = None
    """Optuna storage URL; without it, what the run itself used."""
    out: Path | None = None
    """File to write, in place of report.html in the run's folder."""

    EXAMPLES: ClassVar = ("--run NAME", "--run NAME --compare OTHER")

    @property
    def needs(self) -> list[Need]:
        """What must be there besides files."""
        written = needs.writable((self.out or chosen(self).folder / PAGE).parent, "--out")
        return [*needs.storage(self.storage), written]

    def check(self) -> None:
        """Raises UserError where there are no such runs."""
        there, own = [run.name for run in runs_in(self.results)], chosen(self).name
        for name in (own, self.compare):
            if name is not None and name not in there:
                known = ", ".join(there) or "none"
                raise UserError(
                    f"there is no run {name} in {self.results}; those there are: {known}"
                )
        if self.out is not None and self.out.is_dir():
            raise UserError(f"--out: {self.out} is a folder; give a file in it, as {PAGE}")
        if self.compare == own:
            raise UserError(f"--compare: {own} is the run itself; name another")


def main(options: Report) -> None:
    """Write the page of a run, also beside another one."""
    begun = time.monotonic()
    run = chosen(options)
    shared = as_it_was(options, run)
    beside = None
    if options.compare is not None:
        other = run_of(options.results, None, options.compare)
        beside = as_it_was(Report(results=options.results), other)
    path = write_report(
        shared,
        faces_of(shared, run),
        options.out or run.folder / PAGE,
        beside=beside,
    )
    size = path.stat().st_size / 1e6
    say(f"{path} ({size:.1f} MB, {time.monotonic() - begun:.1f} s)")


def chosen(options: Report) -> Run:
    """The run that is meant."""
    runs = runs_in(options.results)
    if options.run is None and options.data is None and runs:
        return max(runs, key=lambda run: max(map(_age, configs(run)), default=0.0))
    return run_of(options.results, options.data, options.run)


def as_it_was(options: Report, run: Run) -> Options:
    """The options that experiments share, as the run had them where none are given here."""
    latest = max(configs(run), key=_age, default=run.folder / "config.json")
    told: dict[str, Any] = read_json(latest).get("options", {})
    paths = {name: Path(told[name]) for name in ("data", "corrections") if told.get(name)}
    return replace(
        Options(results=options.results, run=run.name),
        data=options.data or paths.get("data"),
        corrections=options.corrections or paths.get("corrections"),
        storage=options.storage or told.get("storage"),
    )


def configs(run: Run) -> list[Path]:
    """What its commands were asked."""
    folders = (run.augmentation, run.tuning, run.ensemble, run.audit)
    return [path for folder in folders if (path := folder / "config.json").exists()]


def faces_of(options: Options, run: Run) -> Competition | None:
    """The run's data; None, with a line, where it cannot be read or is other data now."""
    try:
        competition = options.read()
        run.check(competition.training.pictures)
    except UserError as error:
        say(f"No faces are shown: {error}")
        return None
    return competition


def _age(path: Path) -> float:
    return path.stat().st_mtime
