"""The gallery: one page that works offline, on which suspect labels are accepted or corrected.

It holds everything itself, keeps decisions in the browser, and saves them as the table of
corrections that ``data.corrections`` reads.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from fkd_core.audit import explanations
from fkd_core.audit.student import Array
from fkd_core.audit.suspects import Suspect
from fkd_core.data.faces import Faces
from fkd_core.files import write_text
from fkd_core.keypoints import KEYPOINTS

_PAGE = "gallery.html"


def write_gallery(
    path: Path, suspects: Sequence[Suspect], faces: Faces, version: str, made: str
) -> None:
    """The page of these suspects, in their order. `version` is what the saved table will say of
    itself, and names the decisions in the browser; `made` says what made the page."""
    entries = [_entry(suspect, faces) for suspect in suspects]
    # What was decided holds for what was proposed then.
    proposed = [[each["image"], each["wrong"], each["proposed"]] for each in entries]
    data = {
        "version": version,
        "proposals": hashlib.sha256(json.dumps(proposed).encode()).hexdigest()[:12],
        "made": made,
        "keypoints": KEYPOINTS,
        "faces": entries,
    }
    page = files(__package__).joinpath(_PAGE).read_text(encoding="utf-8")
    # "<" cannot end the script that holds the data.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    write_text(path, page.replace("__DATA__", text))


def words(suspect: Suspect) -> str:
    """What seems to be wrong, in a sentence."""
    names = ", ".join(KEYPOINTS[k].replace("_", " ") for k in suspect.keypoints)
    return {
        explanations.POINT: f"Not where the models and the other labels expect it: {names}.",
        explanations.SWAPPED: f"Their names seem to be exchanged: {names}.",
        explanations.SHIFTED: "All labels are off by one vector.",
        explanations.ROW: f"The labels fit the face of row {suspect.fits_row}.",
        explanations.FACE: "The labels are a face's, but not where this one is.",
        explanations.HOPELESS: "The models find no face that they agree on. Accepting takes the "
        "labels away.",
    }[suspect.reason]


def _entry(suspect: Suspect, faces: Faces) -> dict[str, Any]:
    probability = float(expit(suspect.score))
    facts: Mapping[str, str] = {
        "row": str(suspect.row),
        "source": suspect.source,
        "chance that it is wrong": f"{min(probability, 0.999):.1%}",
        "log odds": f"{suspect.score:.1f}",
        "farthest off": f"{suspect.off:.1f} px",
    }
    return {
        "image": suspect.image,
        "row": suspect.row,
        "source": suspect.source,
        "reason": suspect.reason,
        "words": words(suspect),
        "facts": facts,
        "wrong": suspect.keypoints,
        "given": _points(suspect.given, suspect.given),
        "said": _points(suspect.said, suspect.given),
        "proposed": _points(suspect.proposed, suspect.given),
        "picture": _picture(faces.images[suspect.face]),
    }


def _points(points: Array, labelled: Array) -> dict[str, list[float] | None]:
    """Those of labelled keypoints, by index; None for one that is to be taken away."""
    return {
        str(k): None if np.isnan(points[k]).any() else [round(float(v), 3) for v in points[k]]
        for k in np.flatnonzero(np.isfinite(labelled).all(axis=1))
    }


def _picture(image: NDArray[np.uint8]) -> str:
    """A PNG as an address that holds it."""
    _, png = cv2.imencode(".png", np.ascontiguousarray(image))
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode("ascii")
