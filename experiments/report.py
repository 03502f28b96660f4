"""Writes the page of a run: what was asked, what was found, and how sure that is.

    python experiments/report.py

fkd_core/experiments/report.py has its options and what it does.
"""

import begin  # noqa: F401  # first: says what is not installed

from fkd_core import command
from fkd_core.experiments.report import Report, main

if __name__ == "__main__":
    command.run(main, Report)
