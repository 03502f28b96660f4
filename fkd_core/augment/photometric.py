"""Changing gray levels and leaving every keypoint where it is.

Each function takes a picture (uint8 [96, 96]), an amount in the unit its docstring names and a
generator, and returns a new uint8 [96, 96]. Results are rounded and clipped, never wrapped.
"""

from __future__ import annotations

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or the import calls the network

import cv2
import numpy as np
from albumentations.augmentations.dropout.functional import cutout
from albumentations.augmentations.pixel.functional import clahe as library_clahe
from numpy.typing import NDArray

Image = NDArray[np.uint8]
LEVELS: NDArray[np.float64] = np.arange(256, dtype=np.float64)


def _through(image: Image, levels: NDArray[np.float64]) -> Image:
    """Every gray level g becomes ``levels[g]``, rounded and clipped."""
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), dtype=np.uint8)


def gaussian_noise(share: float, rng: np.random.Generator, image: Image) -> Image:
    """Independent noise of this standard deviation, as a share of full white."""
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(255 * share)
    return np.asarray(np.clip(np.rint(noise + image), 0, 255), dtype=np.uint8)


def brighten(factor: float, rng: np.random.Generator, image: Image) -> Image:
    """Multiplies by a factor drawn uniformly from 1 to `factor`; white stays white."""
    return _through(image, LEVELS * rng.uniform(1.0, factor))


def dim(factor: float, rng: np.random.Generator, image: Image) -> Image:
    """Multiplies by a factor drawn uniformly from `factor` to 1."""
    return _through(image, LEVELS * rng.uniform(factor, 1.0))


def contrast_stretch(factor: float, rng: np.random.Generator, image: Image) -> Image:
    """Stretches linearly about the picture's mean by a factor drawn from 1 to `factor`."""
    mean = float(cv2.mean(image)[0])
    return _through(image, mean + (LEVELS - mean) * rng.uniform(1.0, factor))


def gamma(largest: float, rng: np.random.Generator, image: Image) -> Image:
    """Raises to an exponent drawn log-uniformly from 1/largest to largest (white is 1)."""
    exponent = largest ** rng.uniform(-1.0, 1.0)
    return _through(image, 255.0 * (LEVELS / 255.0) ** exponent)


def clahe(clip: float, rng: np.random.Generator, image: Image) -> Image:
    """Equalises contrast tile by tile (8 x 8 tiles), no histogram bin above `clip` of a tile.

    Zuiderveld, Graphics Gems IV (1994). The unit is scikit-image's; OpenCV counts in multiples
    of a flat histogram's 1/256.
    """
    return np.asarray(library_clahe(image, clip_limit=256 * clip, tile_grid_size=(8, 8)), np.uint8)


CROSS: NDArray[np.float32] = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
SAME: NDArray[np.float32] = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)


def _filtered(image: Image, kernel: NDArray[np.float32]) -> Image:
    # filter2D saturates uint8, so nothing wraps.
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def sharpen(weight: float, rng: np.random.Generator, image: Image) -> Image:
    """Subtracts `weight` times the 3 x 3 Laplacian; 1 is the kernel of centre 5 and cross -1."""
    return _filtered(image, SAME - np.float32(weight) * CROSS)


def laplacian_smoothing(weight: float, rng: np.random.Generator, image: Image) -> Image:
    """Adds `weight` times the 3 x 3 Laplacian; 0.25 is the mean of the four neighbours."""
    return _filtered(image, SAME + np.float32(weight) * CROSS)


def box_blur(width: float, rng: np.random.Generator, image: Image) -> Image:
    """Averages over a centred square of this side in pixels; its rim counts by the part inside."""
    reach = int(np.ceil((width - 1) / 2))
    row = np.clip((width + 1) / 2 - np.abs(np.arange(-reach, reach + 1)), 0.0, 1.0) / width
    blurred = cv2.sepFilter2D(image, -1, row, row, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.uint8)


def coarse_dropout(side: float, rng: np.random.Generator, image: Image) -> Image:
    """Covers one to three squares of this side in pixels, each in one random gray.

    DeVries and Taylor (2017), arXiv 1708.04552. Labels below a square are kept: the network is to
    guess them from the rest of the face.
    """
    height, width = image.shape[:2]
    holes = rng.integers(1, 4)
    centre = rng.uniform(0, 1, (holes, 2)) * (width, height)
    low = np.rint(centre - side / 2).astype(np.int64)
    high = low + round(side)
    corners = np.clip(np.hstack([low, high]), 0, (width, height, width, height))
    return np.asarray(cutout(image, corners, "random_uniform", rng), dtype=np.uint8)
