"""FitSpec: everything that determines a fit, and the key its result is stored under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, lru_cache
from typing import Any, Literal

from fkd_core import models
from fkd_core.augment.policy import Policy, rendering_of
from fkd_core.data.folds import Split
from fkd_core.fitting.naming import joined
from fkd_core.libraries import BACKENDS, RENDERING, version
from fkd_core.models.base import Architecture
from fkd_core.reach import CODE, Code
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
    beta_2: float = 0.999
    """Adam's momentum of the squared gradients; 0.99 forgets early steps sooner in short fits."""
    ema: float = 0.0
    """Momentum of the moving average of the weights that is scored; 0 scores the last weights."""
    patience: int | None = None
    """Stop after this many epochs without a lower RMSE on the early-stop share, and restore the
    best weights; None trains to the end. Needs a split with a stop_share."""
    lighter_end: float = 0.0
    """Share of the epochs, the last ones, whose copies are of the policy's lighter form; 0 keeps
    one form to the end."""

    @property
    def lighter_epochs(self) -> int:
        """How many they are."""
        return round(self.lighter_end * self.epochs)

    def __post_init__(self) -> None:
        ranges = {
            "epochs": (1, 100_000),
            "batch_size": (1, 65_536),
            "learning_rate": (1e-9, 10.0),
            "warmup": (0.0, 0.9),
            "weight_decay": (0.0, 1.0),
            "beta_2": (0.5, 0.99999),
            "ema": (0.0, 0.99999),
            "lighter_end": (0.0, 0.5),
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
    copies: int | None = 16
    """K: epoch e shows every face as its copy number e mod K. None: a fresh copy every epoch,
    rendered as it is needed and never kept."""
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
    aligned_by: FitSpec | None = None
    """The fit that finds the points by which every picture is straightened before this one sees
    it (see ``fitting.aligned``); None for pictures as they are."""

    def __post_init__(self) -> None:
        if self.pipeline not in PIPELINES:
            raise ValueError(f"pipeline is {self.pipeline!r}, not one of {', '.join(PIPELINES)}")
        if self.backend not in ("tensorflow", "jax"):
            raise ValueError(f"backend is {self.backend!r}, not tensorflow or jax")
        if self.precision not in ("float32", "mixed_bfloat16"):
            raise ValueError(f"precision is {self.precision!r}, not float32 or mixed_bfloat16")
        for name in ("copies", "threads"):
            value = getattr(self, name)
            if (name, value) != ("copies", None) and value < 1:
                raise ValueError(f"{name} is {value}; at least 1 is needed")
        own = tuple(dict.fromkeys(PIPELINES[self.pipeline].keypoints))
        if self.keypoints is not None and (
            not self.keypoints or list(self.keypoints) != [k for k in own if k in self.keypoints]
        ):
            raise ValueError(
                f"keypoints is {self.keypoints}, not some of {self.pipeline}'s {own} in order"
            )
        if self.training.patience is not None and not self.split.stop_share:
            raise ValueError("patience needs a split with a stop_share above 0")
        if self.aligned_by is not None:
            self._check_stage(self.aligned_by)

    def _check_stage(self, before: FitSpec) -> None:
        """Raises ValueError where the stage before saw faces that this fit holds out, or cannot
        run in the same process."""
        for name in ("pipeline", "split", "backend", "threads"):
            own, its = getattr(self, name), getattr(before, name)
            if own != its:
                raise ValueError(
                    f"aligned_by has the {name} {its}, this fit {own}; they must be equal, or "
                    "what is held out here was seen there (``everywhere`` replaces both)"
                )
        for stage in (self, before):
            if stage.keypoints is not None:
                raise ValueError(
                    f"keypoints is {stage.keypoints}; aligned fits are taught all of a pipeline's"
                )

    @property
    def stages(self) -> tuple[FitSpec, ...]:
        """The fits that one after another make a prediction; this one comes last."""
        return (*(self.aligned_by.stages if self.aligned_by else ()), self)

    @property
    def name(self) -> str:
        """The model, ``plain``, or those of all stages: ``plain16+plain24`` for a wider one that a
        plain one aligned."""
        return joined([{"name": each.model.name, **vars(each.model)} for each in self.stages])

    @property
    def anchors(self) -> int:
        """How many points, the first that are taught, align the next stage: the first source's."""
        return len(self.taught.of(self.taught.sources[0]))

    def everywhere(self, **changes: Any) -> FitSpec:
        """The spec with these fields replaced, in all stages alike."""
        before = self.aligned_by and self.aligned_by.everywhere(**changes)
        return replace(self, aligned_by=before, **changes)

    @property
    def taught(self) -> Pipeline:
        """The pipeline, cut down to the keypoints that are taught."""
        whole = PIPELINES[self.pipeline]
        return whole if self.keypoints is None else whole.only(self.keypoints)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; ``FitSpec.from_json`` gives the spec back."""
        data = asdict(replace(self, aligned_by=None))
        return data | {
            "model": self.model.to_json(),
            "policy": self.policy.to_json(),
            "aligned_by": self.aligned_by and self.aligned_by.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FitSpec:
        """The spec that ``to_json`` wrote. Raises ValueError for anything else."""
        try:
            before = data.get("aligned_by")
            parts = {
                "model": models.from_json(data["model"]),
                "split": Split(**data["split"]),
                "training": Training(**data["training"]),
                "policy": Policy.from_json(data["policy"]),
                "keypoints": data["keypoints"] and tuple(data["keypoints"]),
                "aligned_by": before and cls.from_json(before),
            }
            return cls(**(data | parts))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a fit spec: {error}") from error

    def key(self, fingerprint: str) -> str:
        """SHA-256 (hex) of the spec, the faces' fingerprint, the code that the spec reaches and
        the versions of the libraries that make its bits."""
        # Which sources a joint fit is taught depends on the table.
        return _key(self, fingerprint, self.taught.columns)


def recipe_of(spec: FitSpec, code: Code = CODE, version_of: Callable[[str], str] = version) -> str:
    """Hash of the code that a fit of this spec reaches and of the libraries that make its bits:
    change one and old results retire.

    What is reached starts from the modules of the spec's values and of its transforms, and from
    fitting under the spec's own backend.
    """
    return _recipe(_drawn(spec, _form(spec)[1]), spec.backend, _transforms(spec), code, version_of)


def _transforms(spec: FitSpec) -> frozenset[str]:
    return frozenset(step.transform for stage in spec.stages for step in stage.policy.steps)


def _drawn(spec: FitSpec, modules: frozenset[str]) -> frozenset[str]:
    """With what shows pictures in another frame, where that is done."""
    return modules | ({_DRAW, "fkd_core.fitting.aligned"} if spec.aligned_by else set())


@lru_cache(maxsize=1024)
def _recipe(
    modules: frozenset[str],
    backend: str,
    transforms: frozenset[str],
    code: Code,
    version_of: Callable[[str], str],
) -> str:
    fitting = {"fkd_core.fitting.fit", f"fkd_core.fitting.steps_{backend}"}
    roots = modules | fitting | rendering_of(transforms, code)
    libraries = {"numpy", "keras", *BACKENDS[backend], *(RENDERING if _DRAW in roots else ())}
    made = [code.version(roots), {name: version_of(name) for name in sorted(libraries)}]
    return hashlib.sha256(_json(made).encode()).hexdigest()


@lru_cache(maxsize=4096)
def _key(spec: FitSpec, fingerprint: str, columns: tuple[tuple[str, int], ...]) -> str:
    values, modules = _form(spec)
    recipe = _recipe(_drawn(spec, modules), spec.backend, _transforms(spec), CODE, version)
    made = [values, columns, fingerprint, recipe]
    return hashlib.sha256(_json(made).encode()).hexdigest()


_json = json.JSONEncoder(separators=(",", ":")).encode


def _form(value: Any) -> tuple[list[Any], frozenset[str]]:
    """A dataclass as the list of its values, and the modules that define it and its parts.

    What the values are called is in that code, which belongs to a key too. Equal numbers are
    written equally: 1, 1.0 and True make equal specs.
    """
    form, modules = [], {type(value).__module__}
    for name in _names(type(value)):  # type: ignore[arg-type]  # a class is hashable
        plain, more = _plain(getattr(value, name))
        form.append(plain)
        modules |= more
    return form, frozenset(modules)


def _plain(value: Any) -> tuple[Any, frozenset[str]]:
    if value is None or isinstance(value, str):
        return value, _NONE
    if isinstance(value, int | float):
        return (int(value) if value == int(value) else value), _NONE
    if isinstance(value, tuple | list):
        parts = [_plain(part) for part in value]
        return [plain for plain, _ in parts], _NONE.union(*(modules for _, modules in parts))
    return _part(value)


@lru_cache(maxsize=4096)
def _part(value: Any) -> tuple[str, frozenset[str]]:
    """A part that many specs share, as text."""
    form, modules = _form(value)
    return _json([type(value).__qualname__, form]), modules


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


_NONE: frozenset[str] = frozenset()
_DRAW = "fkd_core.augment.draw"
