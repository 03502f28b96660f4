"""What a transform is: one way to vary a face, and what its strength means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fkd_core.augment.draws import Numbers
from fkd_core.augment.geometry import Warps
from fkd_core.augment.photometric import Images

DrawWarps = Callable[[Numbers, Numbers], Warps]
"""(amounts [n], random numbers [draws, n] in 0..1) -> the warps of n pictures."""
Look = Callable[[Numbers, Numbers, Images], Images]
"""(amounts [n], random numbers [draws, n] in 0..1, pictures [n, 96, 96]) -> changed pictures."""
Amount = TypeVar("Amount", float, Numbers)


@dataclass(frozen=True)
class Transform:
    """One way to vary faces. Exactly one of `warp` and `look` is given.

    Both are functions of their arguments alone, picture by picture: what happens to a picture
    depends on its own amount and numbers, not on its neighbours.
    """

    name: str
    """That of its file."""
    sentence: str
    """What it does, in plain words."""
    meaning: str = ""
    """Format of the strength's physical meaning, for example ``±{:.1f} degrees``."""
    weakest: float = 0.0
    """Amount at strength 0, in the unit of `meaning`: the least worth having, never nothing."""
    strongest: float = 0.0
    """Amount at strength 1."""
    nothing: float = 0.0
    """Amount that would leave every picture as it is."""
    draws: int = 0
    """How many random numbers a picture needs."""
    warp: DrawWarps | None = None
    """Where pixels and keypoints go, for a geometric transform."""
    look: Look | None = None
    """Changes the gray levels, for any other."""
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

    def amount(self, strength: Amount, share: float = 1.0) -> Amount:
        """The strength, 0..1, in the unit of `meaning`; linear between weakest and strongest.

        With a share, that much of the way there from `nothing`.
        """
        full = self.weakest + (self.strongest - self.weakest) * strength
        return self.nothing + (full - self.nothing) * share

    def describe(self, strength: float) -> str:
        """The physical meaning of a strength.

        >>> from fkd_core.augment.transforms import TRANSFORMS
        >>> TRANSFORMS["rotation"].describe(0.4)
        '±10.4 degrees'
        """
        return self.meaning.format(self.amount(strength)) if self.meaning else "no strength"
