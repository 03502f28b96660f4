"""The card of an exported model: what it takes, what it says, how much it errs, who may use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fkd_core.ensemble.trained import TrainedMember
from fkd_core.files import write_text
from fkd_core.keypoints import COLUMNS, IMAGE_SIZE
from fkd_core.sources import SOURCES

Card = Mapping[str, Any]

LICENCE = (
    "The code that made this model is under the MIT licence. The weights were learned from the "
    "data that made_by names; whether and for what they may be used is up to that data's terms."
)


def card(member: TrainedMember, source: str, kind: str, made_by: Mapping[str, Any]) -> Card:
    """What somebody needs to know who has the exported file alone: JSON."""
    spec = member.fits[0].spec
    points = SOURCES[source].keypoints
    return {
        "model": member.name,
        "form": kind,
        "architecture": spec.model.to_json(),
        "pipeline": spec.pipeline,
        "fit": {"fold": spec.split.fold, "of_folds": spec.split.folds, "seed": spec.seed},
        "input": {
            "name": "gray",
            "shape": ["n", IMAGE_SIZE, IMAGE_SIZE, 1],
            "type": "float32",
            "range": [0, 255],
            "meaning": "gray levels, 0 is black; a face cropped as in the competition's pictures",
        },
        "output": {
            "name": "pixels",
            "shape": ["n", 2 * len(points)],
            "type": "float32",
            "order": [name for k in points for name in COLUMNS[2 * k : 2 * k + 2]],
            "meaning": "pixels of the input, 0 at the centre of the first; left and right are the "
            f"subject's; in the style of the annotator {source}",
        },
        "rmse_out_of_fold": member.rmse_mirrored,
        "rmse_meaning": "pixels, pooled over coordinates, of fits like this one, one a fold, on "
        "faces that each held out, asked as this model asks (a fit on all faces should err no "
        "more than these); null where it is not known",
        "made_by": dict(made_by),
        "licence": LICENCE,
    }


def attach(card: Card, kind: str, made: Path, out: Path) -> None:
    """Puts the card into a model that was just exported to `made`, where its format has a place
    for it, and beside `out`, where it will lie."""
    text = json.dumps(card, indent=1)
    if kind == "onnx":
        _into_onnx(card, made)
    elif kind == "savedmodel":
        write_text(made / "assets.extra" / "card.json", text + "\n")
    write_text(beside(out), text + "\n")


def beside(out: Path) -> Path:
    """Where the card of an exported model lies."""
    return out.with_name(f"{out.name}.card.json")


def _into_onnx(card: Card, path: Path) -> None:
    """Adds ``metadata_props``. A message that follows another in a file of protocol buffers is
    merged with it, so that a large model need not be read again."""
    import onnx

    more = onnx.ModelProto()
    for name, value in card.items():
        told = value if isinstance(value, str) else json.dumps(value)
        more.metadata_props.add(key=name, value=told)
    with open(path, "ab") as file:
        file.write(more.SerializeToString())
