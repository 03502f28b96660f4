"""Validates every candidate augmentation by measurement, and composes a policy of what helps.

    python experiments/search_augment.py --data FOLDER --preset quick

fkd_core/experiments/search_augment.py has its options and what it does.
"""

import begin  # noqa: F401  # first: says what is not installed

from fkd_core import command
from fkd_core.experiments.search_augment import SearchAugment, main

if __name__ == "__main__":
    command.run(main, SearchAugment)
