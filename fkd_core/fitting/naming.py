"""What a fit is called: by its model, and a chain by all its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def name_of(spec: Mapping[str, Any]) -> str:
    """``FitSpec.name`` of a JSON spec, which may be of another version."""
    models: list[Mapping[str, Any]] = []
    stage: Any = spec
    while isinstance(stage, Mapping):
        model = stage.get("model")
        models.insert(0, model if isinstance(model, Mapping) else {})
        stage = stage.get("aligned_by")
    return joined(models)


def joined(models: Sequence[Mapping[str, Any]]) -> str:
    """The model's name; of several, the stages of a chain, all with their channels if they have a
    number of them: ``plain16+plain24``. Each is given by its hyperparameters and its ``name``."""
    if len(models) == 1:
        return str(models[0].get("name", ""))
    return "+".join(f"{model.get('name', '')}{_channels(model)}" for model in models)


def _channels(model: Mapping[str, Any]) -> str:
    width = model.get("width")
    return str(width) if isinstance(width, int) else ""
