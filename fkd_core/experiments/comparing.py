"""What results.py --compare needs besides tables: the faces that two ensembles answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fkd_core.ensemble.beside import APART, FEW, Beside, beside, silent
from fkd_core.ensemble.said import read_said
from fkd_core.errors import UserError
from fkd_core.experiments.report import Report, as_it_was
from fkd_core.inventory import KeptRun
from fkd_core.report.runs import same_pictures
from fkd_core.terminal import say

if TYPE_CHECKING:
    from fkd_core.experiments.results import Results


def errors_beside(one: KeptRun, other: KeptRun, options: Results) -> Beside | None:
    """How two runs' ensembles err on equal faces; None where that cannot be told, with a line
    that says why where both have one."""
    both = (one, other)
    if not all(each.run.score.exists() for each in both) or not same_pictures(*both):
        return None
    mine, theirs = (read_said(each.run.ensemble) for each in both)
    if why_not := silent({one.name: mine, other.name: theirs}):
        say(why_not)
        return None
    given = Report(
        results=options.results,
        data=options.data,
        corrections=options.corrections,
        storage=options.storage,
    )
    try:
        competition = as_it_was(given, one.run).read()
        one.run.check(competition.training.pictures)
    except UserError as error:
        say(f"{APART}{error}")
        return None
    found = beside(mine, theirs, competition)
    if found is None:
        say(FEW)
    return found
