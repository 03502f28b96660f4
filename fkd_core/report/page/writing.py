"""The page of a run, written from the options of the command that asks for it."""

from __future__ import annotations

from pathlib import Path

from fkd_core.command import Options, console
from fkd_core.data.kaggle import Competition
from fkd_core.report.page.page import write_page
from fkd_core.report.page.run import Places, gather

PAGE = "report.html"


def places_of(options: Options) -> Places:
    """Where the files of a run with these options lie."""
    results = options.results
    return Places(
        results=results,
        augmentation=results / "augmentation",
        tuning=results / "tuning",
        ensemble=results / "ensemble",
        policy=options.policy,
        submission=results / "submission.csv",
        storage_url=options.storage_url,
        storage_given=options.storage is not None,
    )


def write_report(
    options: Options, competition: Competition | None, out: Path | None = None
) -> Path:
    """Writes the page of a run; gives its path."""
    return write_page(out or options.results / PAGE, gather(places_of(options), competition))


def close(options: Options, competition: Competition) -> Path | None:
    """The page at a command's end: what goes wrong with it ends no command that has done its
    work, but is said."""
    try:
        return write_report(options, competition)
    except Exception as error:  # a page is a convenience: any trouble of it is told
        again = "python experiments/report.py"
        console.print(f"The page could not be written ({error}); {again} tries again.")
        return None
