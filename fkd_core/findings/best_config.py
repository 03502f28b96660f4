"""best/<pipeline>/<model>.json: the best configuration of each model, for the stages after it.

A model as the last stage of a cascade is another one, ``aligned-`` before its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.files import write_text
from fkd_core.findings.inputs import NOTHING, Inputs
from fkd_core.findings.provenance import origin
from fkd_core.fitting.spec import FitSpec


def write_best(
    folder: Path,
    model: str,
    spec: FitSpec,
    evidence: Mapping[str, Any],
    made_by: Mapping[str, Any],
    inputs: Inputs = NOTHING,
) -> Path:
    """Sets the best spec of its pipeline and of what is called `model`; gives the file."""
    path = _path(folder, spec.pipeline, model)
    content = {
        "spec": spec.to_json(),
        "evidence": dict(evidence),
        "inputs": inputs.to_json(),
        "made_by": dict(made_by),
    }
    write_text(path, json.dumps(content, indent=2) + "\n")
    return path


def has_best(folder: Path, pipeline: str, model: str) -> bool:
    """Whether a best spec of the model was set."""
    return _path(folder, pipeline, model).exists()


def read_best(
    folder: Path, pipeline: str, model: str, faces: Faces, preset: str | None = None
) -> tuple[FitSpec, str]:
    """The best spec found of a model, and where it comes from: see ``origin``. Raises UserError
    where there is none, or it is damaged, or of other pictures than these faces'."""
    path = _path(folder, pipeline, model)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        spec, made_by = FitSpec.from_json(content["spec"]), dict(content.get("made_by", {}))
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: not there; run experiments/tune_models.py --models {model}"
        ) from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it and tune anew") from error
    return spec, origin(path, made_by, faces, preset)


def _path(folder: Path, pipeline: str, model: str) -> Path:
    return folder / pipeline / f"{model}.json"
