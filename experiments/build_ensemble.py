"""Trains the best configurations on five folds, stacks and merges them, and writes a submission.

    python experiments/build_ensemble.py --data FOLDER

fkd_core/experiments/build_ensemble.py has its options and what it does.
"""

import begin  # noqa: F401  # first: says what is not installed

from fkd_core import command
from fkd_core.experiments.build_ensemble import BuildEnsemble, main

if __name__ == "__main__":
    command.run(main, BuildEnsemble)
