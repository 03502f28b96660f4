"""The 15 facial keypoints: names, column order and mirror pairs.

Left and right are the subject's, so ``left_eye_center`` lies on the right of the picture.
Coordinates are pixels on the 96 x 96 grid, 0 at the centre of the first pixel.
"""

from __future__ import annotations

IMAGE_SIZE = 96
"""Side of every image in pixels."""

KEYPOINTS: tuple[str, ...] = (
    "left_eye_center",
    "right_eye_center",
    "left_eye_inner_corner",
    "left_eye_outer_corner",
    "right_eye_inner_corner",
    "right_eye_outer_corner",
    "left_eyebrow_inner_end",
    "left_eyebrow_outer_end",
    "right_eyebrow_inner_end",
    "right_eyebrow_outer_end",
    "nose_tip",
    "mouth_left_corner",
    "mouth_right_corner",
    "mouth_center_top_lip",
    "mouth_center_bottom_lip",
)
"""The competition's keypoints in its own order."""

COLUMNS: tuple[str, ...] = tuple(f"{name}_{axis}" for name in KEYPOINTS for axis in "xy")
"""The 30 coordinate columns of training.csv in the competition's order."""


def _mirrored(name: str) -> str:
    if "left" in name:
        return name.replace("left", "right")
    return name.replace("right", "left")


MIRROR: tuple[int, ...] = tuple(KEYPOINTS.index(_mirrored(name)) for name in KEYPOINTS)
"""``points[:, MIRROR]`` gives each keypoint's partner across the face; its own inverse."""
