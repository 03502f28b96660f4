"""Does a policy that a small network found help the networks that will train under it?

Hypothesis: what moves faces helps every network that must find them where they are, and less one
that sees them straightened, which may want weaker copies than it was found to want. So the policy
is met by what each network trains under where none was searched: the reference's augmentations,
or for the best recipe's last stage its own.

Fixed: each network at its defaults, with equal gradient steps in both arms, on more faces and for
fewer epochs than the search's own network, as ensembles train. Three unlike ones: the
reference's lenet5, a compact network with batch normalisation, and a cascade for both annotators.
"""

from __future__ import annotations

from dataclasses import dataclass

from fkd_core.sources import JOINT
from search_spaces.model import CHAIN


@dataclass(frozen=True)
class Budget:
    """How much evidence a preset buys; `smoke` buys none."""

    pairs: int
    """Pairs (fold, seed) of each network."""
    faces: int
    """Faces that may train, thinned by image group."""
    epochs: int


BUDGETS = {"quick": Budget(4, 900, 20), "full": Budget(6, 1800, 40)}


def networks(pipeline: str) -> dict[str, str]:
    """Name to the pipeline whose faces judge it."""
    return {"lenet5": pipeline, "plain": pipeline, CHAIN: JOINT}
