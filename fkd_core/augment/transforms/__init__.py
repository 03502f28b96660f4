"""The candidate augmentations: one file each, found by itself.

The conformance suite in ``tests/augment/test_conformance.py`` tests a new file without a new line.
"""

from __future__ import annotations

import importlib
import pkgutil

from fkd_core.augment.transforms.base import Transform

__all__ = ["TRANSFORMS", "Transform"]


def _found() -> dict[str, Transform]:
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "base"]
    found = [importlib.import_module(f"{__name__}.{name}").TRANSFORM for name in names]
    for name, transform in zip(names, found, strict=True):
        if transform.name != name:
            raise ValueError(f"{name}.py holds a transform named {transform.name!r}")
    found.sort(key=lambda t: (not t.candidate, not t.geometric, t.name))
    return {transform.name: transform for transform in found}


TRANSFORMS: dict[str, Transform] = _found()
"""Every transform by its name: geometric candidates, other candidates, controls."""
