"""Whose labels there are. Apart from ``faces``, which every fit reaches: an edit retires none."""

from __future__ import annotations

from fkd_core.data.faces import Faces
from fkd_core.sources import PIPELINES, SOURCES


def annotators(faces: Faces) -> tuple[str, ...]:
    """Names of the sources of which there are labelled faces."""
    return tuple(name for name in SOURCES if faces.labelled(PIPELINES[name]).any())
