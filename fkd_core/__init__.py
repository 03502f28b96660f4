"""The experiment platform for facial keypoint detection: every choice is measured."""
