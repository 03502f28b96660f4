"""Finds the keypoints of every face in anybody's photos, with the ensemble.

    python experiments/predict.py photo.jpg holiday/

fkd_core/experiments/predict.py has its options and what it does.
"""

from fkd_core import command
from fkd_core.experiments.predict import PredictOptions, main

if __name__ == "__main__":
    command.run(main, PredictOptions)
