"""The page of a run, written from the options of the command that asks for it."""

from __future__ import annotations

from pathlib import Path

from fkd_core.command import Options, console
from fkd_core.data.kaggle import Competition
from fkd_core.report.page.answer import findings, following
from fkd_core.report.page.page import write_page
from fkd_core.report.page.run import Places, gather
from fkd_core.report.page.section import command_of

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


def close(options: Options, competition: Competition, what: str) -> None:
    """What a command ends with: its answer, the page of the run, and what to do next.

    `what` is the folder that it wrote. Trouble with the page ends no command that has done its
    work, but is said.
    """
    try:
        run = gather(places_of(options), competition)
        path = write_page(options.results / PAGE, run)
    except Exception as error:  # a page is a convenience
        again = command_of("report", {"results": options.results})
        say(f"The page of the run could not be written ({error}); this tries again: {again}")
        return
    for line in findings(run, {what}):
        say(line)
    say(f"The whole story, with pictures: {path}")
    if what == "ensemble" and run.submitted and run.places.submission.exists():
        say(f"To upload: {run.places.submission}; what speaks for it: submission.json beside it")
    why, command = following(run)
    say(f"{why} {command}")


def say(line: str) -> None:
    """Prints a line as it is, whatever brackets a name has."""
    console.print(line, markup=False, soft_wrap=True)
