"""FitSpec: everything that determines a fit, and the key its result is stored under."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fkd_core import models
from fkd_core.augment.policy import Policy
from fkd_core.codehash import code_version
from fkd_core.data.folds import Split
from fkd_core.models.base import Architecture
from fkd_core.sources import PIPELINES, Pipeline


@dataclass(frozen=True)
class Training:
    """How the weights are found. The defaults are the reference's values where it has them."""

    epochs: int = 300
    """An epoch shows every training face once."""
    batch_size: int = 128
    learning_rate: float = 1e-3
    """Adam's rate after warm-up."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Course of the rate after warm-up; cosine (Loshchilov and Hutter 2017) ends at 0."""
    warmup: float = 0.0
    """Share of the steps in which the rate rises linearly from 0."""
    weight_decay: float = 0.0
    """Decoupled decay a step (AdamW, Loshchilov and Hutter 2019); biases and norms have none."""
    ema: float = 0.0
    """Momentum of the moving average of the weights that is scored; 0 scores the last weights."""
    patience: int | None = None
    """Stop after this many epochs without a lower RMSE on the early-stop share, and restore the
    best weights; None trains to the end. Needs a split with a stop_share."""

    def __post_init__(self) -> None:
        ranges = {
            "epochs": (1, 100_000),
            "batch_size": (1, 65_536),
            "learning_rate": (1e-9, 10.0),
            "warmup": (0.0, 0.9),
            "weight_decay": (0.0, 1.0),
            "ema": (0.0, 0.99999),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}, not {low}..{high}")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience is {self.patience}; at least 1 epoch is needed")
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule is {self.schedule!r}, not constant or cosine")


@dataclass(frozen=True)
class FitSpec:
    """One model trained once. Equal specs on equal faces give equal results, bit for bit."""

    model: Architecture
    """Architecture and hyperparameters."""
    pipeline: str = "complete"
    """Whose faces and keypoints: a name in PIPELINES."""
    split: Split = field(default_factory=Split)
    """Who trains, who decides when to stop, who is held out."""
    training: Training = field(default_factory=Training)
    """Optimiser, schedule, length."""
    policy: Policy = field(default_factory=Policy)
    """Augmentations in force on the training faces."""
    copies: int = 16
    """K: epoch e shows every face as its copy number e mod K."""
    copy_seed: int = 0
    """Seed of the copies; fits that share it share one rendering."""
    seed: int = 0
    """Seed of initial weights, batch order and dropout."""
    backend: Literal["tensorflow", "jax"] = "tensorflow"
    """Keras backend."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Keras dtype policy."""
    xla: bool = False
    """Compile with XLA under TensorFlow; JAX always does."""
    threads: int = 1
    """CPU threads of the backend; another number gives other bits."""
    keypoints: tuple[int, ...] | None = None
    """Which of the pipeline's keypoints are taught and predicted, as indices into KEYPOINTS; None
    for all. Faces that lack them do not train."""

    def __post_init__(self) -> None:
        if self.pipeline not in PIPELINES:
            raise ValueError(f"pipeline is {self.pipeline!r}, not one of {', '.join(PIPELINES)}")
        if self.backend not in ("tensorflow", "jax"):
            raise ValueError(f"backend is {self.backend!r}, not tensorflow or jax")
        if self.precision not in ("float32", "mixed_bfloat16"):
            raise ValueError(f"precision is {self.precision!r}, not float32 or mixed_bfloat16")
        for name in ("copies", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 1 is needed")
        own = tuple(dict.fromkeys(PIPELINES[self.pipeline].keypoints))
        if self.keypoints is not None and (
            not self.keypoints or list(self.keypoints) != [k for k in own if k in self.keypoints]
        ):
            raise ValueError(
                f"keypoints is {self.keypoints}, not some of {self.pipeline}'s {own} in order"
            )
        if self.training.patience is not None and not self.split.stop_share:
            raise ValueError("patience needs a split with a stop_share above 0")

    @property
    def taught(self) -> Pipeline:
        """The pipeline, cut down to the keypoints that are taught."""
        whole = PIPELINES[self.pipeline]
        return whole if self.keypoints is None else whole.only(self.keypoints)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; ``FitSpec.from_json`` gives the spec back."""
        data = asdict(self)
        return data | {"model": self.model.to_json(), "policy": self.policy.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FitSpec:
        """The spec that ``to_json`` wrote. Raises ValueError for anything else."""
        try:
            parts = {
                "model": models.from_json(data["model"]),
                "split": Split(**data["split"]),
                "training": Training(**data["training"]),
                "policy": Policy.from_json(data["policy"]),
                "keypoints": data["keypoints"] and tuple(data["keypoints"]),
            }
            return cls(**(data | parts))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a fit spec: {error}") from error

    def key(self, fingerprint: str) -> str:
        """SHA-256 (hex) of the spec, the faces' fingerprint and the recipe version."""
        identity = [
            _plain(self.to_json()),
            fingerprint,
            recipe_version(self.model.name),
            self.taught.columns,  # which sources a joint fit is taught depends on the table
        ]
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value with equal numbers written equally: 1, 1.0 and True make equal specs."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float | bool) and value == int(value):
        return int(value)
    return value


_FIT_PATH = (
    "fit",
    "result",
    "runtime",
    "schedule",
    "spec",
    "steps",
    "steps_jax",
    "steps_tensorflow",
)


@cache
def recipe_version(model: str) -> str:
    """Hash of the code on the path of a fit of this model: change it and old results retire."""
    core = Path(__file__).parents[1]
    return code_version(
        core / "keypoints.py",
        core / "sources.py",
        core / "data" / "faces.py",
        core / "data" / "folds.py",
        *sorted((core / "augment").glob("*.py")),
        *sorted((core / "layers").glob("*.py")),
        core / "models" / "__init__.py",
        core / "models" / "base.py",
        core / "models" / f"{model}.py",
        *(core / "fitting" / f"{name}.py" for name in _FIT_PATH),
    )
