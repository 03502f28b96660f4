"""The page of a run, written from the options of the command that asks for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fkd_core.data.kaggle import Competition
from fkd_core.findings.scorings import in_words
from fkd_core.report.page.answer import findings, following
from fkd_core.report.page.found import Places, gather
from fkd_core.report.page.page import write_page
from fkd_core.report.page.section import command_of
from fkd_core.shared_options import Options
from fkd_core.terminal import say

PAGE = "report.html"


def places_of(options: Options) -> Places:
    """Where the files of a run with these options lie."""
    return Places(
        options.outcomes, options.results, options.storage_url, options.storage is not None
    )


def write_report(
    options: Options,
    competition: Competition | None,
    path: Path,
    beside: Options | None = None,
) -> Path:
    """Writes the page of a run, also beside another one; gives its path."""
    other = gather(places_of(beside), None) if beside else None
    places = replace(places_of(options), page=path.parent)
    return write_page(path, gather(places, competition), other)


def close(options: Options, competition: Competition, what: str) -> None:
    """What a command ends with: its answer, the page of the run, and what to do next.

    `what` is the folder that it wrote. Trouble with the page ends no command that has done its
    work, but is said.
    """
    try:
        run = gather(places_of(options), competition)
        path = write_page(options.outcomes.folder / PAGE, run)
    except Exception as error:  # a page is a convenience
        again = command_of("report", {"results": options.results, "run": options.run})
        say(f"The page of the run could not be written ({error}); this tries again: {again}")
        return
    for line in findings(run, {what}):
        say(line)
    if run.scorings:
        say(in_words(run.scorings))
    say(f"The whole story, with pictures: {path}")
    if what == "audit" and run.gallery:
        say(f"The most suspect faces, to look at: {run.places.run.audit / 'gallery.html'}")
    if what == "ensemble" and run.submitted and run.places.run.submission.exists():
        say(f"The submission, with submission.json beside it: {run.places.run.submission}")
    why, command = following(run, what)
    say(f"{why} {command}")
