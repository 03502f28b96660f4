"""Looks after a results folder: what is there, what it is needed for, and what may go.

    python experiments/results.py

fkd_core/experiments/results.py has its options and what it does.
"""

import begin  # noqa: F401  # first: says what is not installed

from fkd_core import command
from fkd_core.experiments.results import Results, main

if __name__ == "__main__":
    command.run(main, Results)
