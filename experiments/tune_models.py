"""Tunes Level-1 models under the policy that search_augment.py found, each for every pipeline.

    python experiments/tune_models.py --data FOLDER --models lenet5 conv5 --preset quick

fkd_core/experiments/tune_models.py has its options and what it does.
"""

import begin  # noqa: F401  # first: says what is not installed

from fkd_core import command
from fkd_core.experiments.tune_models import TuneModels, main

if __name__ == "__main__":
    command.run(main, TuneModels)
