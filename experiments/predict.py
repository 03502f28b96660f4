"""Finds the keypoints of every face in anybody's photos, with the ensemble.

    python experiments/predict.py photo.jpg holiday/

fkd_core/experiments/predict.py has its options and what it does.
"""

import begin  # noqa: F401  # first: says what is not installed

from fkd_core import command
from fkd_core.experiments.predict import PredictOptions, main

if __name__ == "__main__":
    command.run(main, PredictOptions)
