"""The stackers by name, and fitted ones as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.stacking.base import Fitted, Job, Run, Stacker, in_turn
from fkd_core.ensemble.stacking.linear import Linear, Mean, Weights
from fkd_core.ensemble.stacking.neural import Network, Neural
from fkd_core.ensemble.stacking.shrunk import Lasso, Ridge
from fkd_core.ensemble.stacking.sparse import ElasticNet

__all__ = ["STACKERS", "Fitted", "Job", "Run", "Stacker", "from_arrays", "in_turn", "to_arrays"]

STACKERS: dict[str, Stacker] = {
    stacker.name: stacker
    for stacker in (Mean(), Weights(), Ridge(), Lasso(), ElasticNet(), Neural())
}
"""Every kind by name, with its default options; ``dataclasses.replace`` changes them."""

_KINDS: dict[str, type[Fitted]] = {kind.kind: kind for kind in (Linear, Network)}


def to_arrays(fitted: Fitted) -> dict[str, NDArray[Any]]:
    """Numeric and unicode arrays that ``np.savez`` keeps and ``allow_pickle=False`` reads."""
    arrays = {field.name: np.asarray(getattr(fitted, field.name)) for field in fields(fitted)}
    return arrays | {"kind": np.array(fitted.kind), "notes": np.array(fitted.notes, np.str_)}


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Fitted:
    """The fitted stacker again: the same predictions and notes.

    Raises ValueError where the kind is unknown, an array is missing, left over, of the wrong
    shape or type, or not finite.
    """
    values = {name: np.asarray(array) for name, array in arrays.items()}
    kind = str(values.pop("kind", "none"))
    if kind not in _KINDS:
        raise ValueError(f"unknown kind of stacker {kind!r}; known: {', '.join(_KINDS)}")
    expected = {field.name for field in fields(_KINDS[kind])}
    if values.keys() != expected:
        odd = ", ".join(sorted(values.keys() ^ expected))
        raise ValueError(f"damaged {kind} stacker: missing or left over: {odd}")
    notes = values.pop("notes")
    if notes.dtype.kind != "U" or notes.ndim != 1:
        raise ValueError(f"damaged {kind} stacker: notes must be a row of strings")
    try:
        # Scalars were single numbers or strings; whatever else stays an array.
        plain = {name: v if v.ndim else v.item() for name, v in values.items()}
        return _KINDS[kind](notes=tuple(notes.tolist()), **plain)
    except (TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"damaged {kind} stacker: {error}") from error
