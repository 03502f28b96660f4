"""What a transform is: one way to vary a face, and what its strength means."""

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

        >>> from fkd_core.augment.transforms import TRANSFORMS
        >>> TRANSFORMS["rotation"].describe(0.4)
        '±10.4 degrees'
        """
        return self.meaning.format(self.amount(strength)) if self.meaning else "no strength"
