"""The candidate augmentations: what each does, and what its strength means.

To add one, write a function in ``geometry`` or ``photometric`` and one entry here; the
conformance suite in ``tests/augment/test_conformance.py`` finds it by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fkd_core.augment import geometry, photometric

WarpDraw = Callable[[float, np.random.Generator], geometry.Warp]
"""(amount, generator) -> one randomly drawn warp."""
Look = Callable[[float, np.random.Generator, photometric.Image], photometric.Image]
"""(amount, generator, picture) -> the changed picture."""


@dataclass(frozen=True)
class Transform:
    """One way to vary a face. Exactly one of `warp` and `look` is given."""

    name: str
    sentence: str
    """What it does, in plain words."""
    meaning: str = ""
    """Format of the strength's physical meaning, for example ``±{:.1f} degrees``."""
    weakest: float = 0.0
    """Amount at strength 0, in the unit of `meaning`: the least worth having, never nothing."""
    strongest: float = 0.0
    """Amount at strength 1."""
    warp: WarpDraw | None = None
    """Draws where pixels and keypoints go, for a geometric transform."""
    look: Look | None = None
    """Draws and applies the change of gray levels, for any other."""
    candidate: bool = True
    """False for a control that is known to do harm and belongs in no policy."""

    def __post_init__(self) -> None:
        if (self.warp is None) == (self.look is None):
            raise ValueError(f"{self.name} needs exactly one of warp and look")

    @property
    def geometric(self) -> bool:
        """True where keypoints move."""
        return self.warp is not None

    @property
    def has_strength(self) -> bool:
        """False where there is only one way to do it; any strength then means the same."""
        return bool(self.meaning)

    def amount(self, strength: float) -> float:
        """The strength, 0..1, in the unit of `meaning`; linear between weakest and strongest."""
        return self.weakest + (self.strongest - self.weakest) * strength

    def describe(self, strength: float) -> str:
        """The physical meaning of a strength.

        >>> TRANSFORMS["rotation"].describe(0.4)
        '±10.4 degrees'
        """
        return self.meaning.format(self.amount(strength)) if self.meaning else "no strength"


_ALL = (
    Transform(
        "mirror",
        "Flips left and right and swaps the names of the keypoints with it.",
        warp=geometry.mirror,
    ),
    Transform(
        "rotation",
        "Turns the face about the picture's centre by a random angle within the limit.",
        "±{:.1f} degrees",
        4.0,
        20.0,
        warp=geometry.rotation,
    ),
    Transform(
        "shift",
        "Moves the face sideways and up or down by random distances within the limit.",
        "±{:.1f} px in x and in y",
        2.0,
        12.0,
        warp=geometry.shift,
    ),
    Transform(
        "scale",
        "Zooms in or out by a random factor up to one plus the limit, or one over that.",
        "zoom by up to {:.0%}",
        0.05,
        0.30,
        warp=geometry.scale,
    ),
    Transform(
        "shear",
        "Slants the picture along both axes by random angles within the limit.",
        "±{:.1f} degrees",
        3.0,
        15.0,
        warp=geometry.shear,
    ),
    Transform(
        "perspective",
        "Tilts the picture: each corner moves by random distances within the limit.",
        "corners ±{:.1f} px",
        2.0,
        10.0,
        warp=geometry.perspective,
    ),
    Transform(
        "elastic",
        "Bends the face by a smooth random field, correlated over about 10 px.",
        "displacement of {:.2f} px (standard deviation)",
        0.5,
        1.5,
        warp=geometry.elastic,
    ),
    Transform(
        "gaussian_noise",
        "Adds independent noise to every pixel.",
        "standard deviation {:.3f} of full white",
        0.008,
        0.05,
        look=photometric.gaussian_noise,
    ),
    Transform(
        "brighten",
        "Multiplies gray levels by a random factor from 1 to the limit.",
        "up to {:.2f} times as bright",
        1.2,
        1.7,
        look=photometric.brighten,
    ),
    Transform(
        "dim",
        "Multiplies gray levels by a random factor from the limit to 1.",
        "down to {:.2f} times as bright",
        0.8,
        0.4,
        look=photometric.dim,
    ),
    Transform(
        "contrast_stretch",
        "Stretches gray levels about their mean by a random factor from 1 to the limit.",
        "up to {:.2f} times the contrast",
        1.2,
        2.0,
        look=photometric.contrast_stretch,
    ),
    Transform(
        "gamma",
        "Raises gray levels to a random exponent between one over the limit and the limit.",
        "exponent up to {:.2f} either way",
        1.2,
        2.2,
        look=photometric.gamma,
    ),
    Transform(
        "clahe",
        "Equalises contrast tile by tile, with limited amplification.",
        "clip limit {:.3f} on 8 x 8 tiles",
        0.01,
        0.05,
        look=photometric.clahe,
    ),
    Transform(
        "sharpen",
        "Strengthens edges by subtracting a 3 x 3 Laplacian.",
        "{:.2f} times the Laplacian",
        0.5,
        1.5,
        look=photometric.sharpen,
    ),
    Transform(
        "coarse_dropout",
        "Covers one to three squares of the picture, each in one random gray.",
        "squares of {:.0f} px",
        10.0,
        34.0,
        look=photometric.coarse_dropout,
    ),
    Transform(
        "box_blur",
        "Averages every pixel with the square around it.",
        "square of {:.1f} px",
        2.0,
        8.0,
        look=photometric.box_blur,
    ),
    Transform(
        "laplacian_smoothing",
        "Draws every pixel towards the mean of its four neighbours.",
        "{:.2f} times the 3 x 3 Laplacian",
        0.10,
        0.25,
        look=photometric.laplacian_smoothing,
    ),
    Transform(
        "mirror_without_swap",
        "Flips left and right but keeps the names of the keypoints: a control known to harm.",
        warp=geometry.mirror_without_swap,
        candidate=False,
    ),
)

TRANSFORMS: dict[str, Transform] = {transform.name: transform for transform in _ALL}
"""Every transform by its name: the candidates, then the controls."""
