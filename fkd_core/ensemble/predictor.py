"""The ensemble as an artefact: a folder of plain arrays and one JSON file, and what it predicts.

``manifest.json`` names every other file with its SHA-256: ``<source>/stacker.npz`` is Level 2,
``<pipeline>/<model>/seed<seed>-fold<fold>.npz`` one fit's weights in Keras's order; a joint fit's
are named by the half of each source that it was taught. No file can hold code.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.arrays import REMEDY, read_arrays, write_arrays
from fkd_core.ensemble.stacking.features import Inputs
from fkd_core.ensemble.stacking.stacker import from_arrays, to_arrays
from fkd_core.ensemble.trained import Half, TrainedFit, TrainedMember, Weights, fit_spec
from fkd_core.ensemble.views import VIEWS
from fkd_core.errors import UserError, kind_of_value
from fkd_core.files import write_text
from fkd_core.fitting.spec import FitSpec
from fkd_core.keypoints import IMAGE_SIZE
from fkd_core.libraries import own_version, versions
from fkd_core.sources import PIPELINES, SOURCES

if TYPE_CHECKING:
    from fkd_core.photos.photo import Photo

__all__ = ["Half", "Predictor", "TrainedFit", "TrainedMember", "save"]

FORMAT = 1
"""Of the folder; a reader of another one refuses it."""
MANIFEST = "manifest.json"

_OURS = ("stacker.npz", ".stacker.npz.*.part", "*/seed*-fold*.npz", "*/.seed*.npz.*.part")


@dataclass(frozen=True, eq=False)
class Predictor:
    """A whole ensemble. Weights are read when they are needed and one fit at a time.

    Raises ValueError where a half is fed by one that is not there or by other members than its
    stacker was fitted on, halves share a joint member that is not the same, or `tta` is unknown.
    """

    halves: tuple[Half, ...]
    tta: str = "none"
    """Test-time augmentation: a name in VIEWS."""
    made_by: Mapping[str, Any] = field(default_factory=dict)
    """Command, code, data and seed, as it was saved with."""

    def __post_init__(self) -> None:
        fed = {name for half in self.halves for name in half.feeds}
        if not self.halves or not fed <= set(self.pipelines):
            raise ValueError(f"an ensemble of {self.pipelines} is fed by {sorted(fed)}")
        if self.tta not in VIEWS:
            raise ValueError(f"tta is {self.tta!r}, not one of {', '.join(VIEWS)}")
        for half in self.halves:
            others = [self.half(name) for name in half.feeds[1:]]
            shape = (
                len(half.members),
                half.outputs,
                sum(h.outputs * len(h.members) for h in others),
            )
            if tuple(half.stacker.shape) != shape:
                raise ValueError(f"the stacker of {half.pipeline} was fitted on other members")
        known: dict[tuple[str, str], FitSpec] = {}
        for member in (member for half in self.halves for member in half.members):
            plain = fit_spec(member.spec, 0, 0)
            if known.setdefault((plain.pipeline, member.name), plain) != plain:
                raise ValueError(f"{member.name} is not the same in all halves")

    @classmethod
    def load(cls, folder: str | Path) -> Predictor:
        """The ensemble that `save` wrote. A file is compared with the manifest when it is read.

        Raises UserError, now or then, for what is missing, damaged or of another format.
        """
        folder = Path(folder).expanduser()
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            if manifest["format"] != FORMAT:
                raise UserError(
                    f"{path} has format {manifest['format']}, and this version reads {FORMAT}: "
                    f"use the version that wrote it, or {REMEDY}"
                )
            halves = (_half(folder, name, told) for name, told in manifest["pipelines"].items())
            return cls(tuple(halves), manifest["tta"], manifest["made_by"])
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError(
                f"{folder} holds no finished ensemble, for it has no {MANIFEST}; {REMEDY}"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} cannot be used ({error}); {REMEDY}") from error

    @property
    def pipelines(self) -> tuple[str, ...]:
        """What it can predict."""
        return tuple(half.pipeline for half in self.halves)

    @property
    def pipeline(self) -> str:
        """In whose style it predicts unless told otherwise: the first source's that it knows."""
        return min(self.pipelines, key=[*SOURCES].index)

    def half(self, pipeline: str) -> Half:
        """Raises UserError for a pipeline that this ensemble does not know."""
        for half in self.halves:
            if half.pipeline == pipeline:
                return half
        raise UserError(
            f"this ensemble has no pipeline {pipeline!r}, only {', '.join(self.pipelines)}"
        )

    def predict(
        self, images: NDArray[np.uint8], pipeline: str = "complete"
    ) -> NDArray[np.float32]:
        """[n, p, 2] px in [0, 96] for images [n, 96, 96] of bytes, p keypoints of the pipeline.

        Keras runs as it does in this process already, else as the first fit asks. Raises
        UserError for other images or an unknown pipeline.
        """
        if not (
            isinstance(images, np.ndarray)
            and images.dtype == np.uint8
            and images.shape[1:] == (IMAGE_SIZE, IMAGE_SIZE)
        ):
            raise UserError(
                "predict() takes faces as uint8 [n, 96, 96], gray levels 0 to 255, not "
                f"{kind_of_value(images)}; photo() takes pictures of any size"
            )
        half = self.half(pipeline)
        if not len(images):
            return np.empty((0, half.outputs // 2, 2), np.float32)
        own, *others = ([*self.half(name).said(images, VIEWS[self.tta])] for name in half.feeds)
        other = [np.empty((len(images), 0)), *(said for each in others for said in each)]
        inputs = Inputs(np.stack(own, axis=1), np.concatenate(other, axis=1))
        points = half.stacker.predict(inputs).reshape(len(images), half.outputs // 2, 2)
        return np.clip(points, 0, IMAGE_SIZE).astype(np.float32)

    def photo(
        self,
        shown: str | Path | NDArray[Any],
        pipeline: str | None = None,
        sure: float | None = None,
    ) -> Photo:
        """The faces of a photo, largest first, each with its points by name in the photo's pixels.

        `shown` is an image file or its pixels, uint8 [height, width] or, in red, green and blue,
        [height, width, 3]; `sure` is how sure the detector must be of a face, 0 to 1. Raises
        UserError for what is no picture, other pixels or an unknown pipeline.

            >>> photo = Predictor.load(folder).photo("me.png")
            >>> photo
            <photo of 96 x 96 px, 1 face in the style of complete>
            >>> x, y = photo[0]["left_eye_center"]  # of the largest face
            >>> photo.points.columns.tolist()
            ['face', 'keypoint', 'x', 'y']
            >>> photo.save("me-keypoints.png").name
            'me-keypoints.png'
        """
        from fkd_core.photos.detector import SURE
        from fkd_core.photos.photo import photo

        name = pipeline or self.pipeline
        source = SOURCES[self.half(name).pipeline]
        return photo(
            shown, lambda crops: self.predict(crops, name), source, SURE if sure is None else sure
        )


def save(folder: Path, halves: Sequence[Half], *, tta: str, made_by: Mapping[str, Any]) -> None:
    """Makes `folder` hold this ensemble and no other.

    The manifest goes first and comes last, so an interrupted save is known as unfinished. Files
    that are there already and equal stay as they are; weights that are no longer named go. Raises
    ValueError for halves that make no ensemble, TypeError where `made_by` is not JSON.
    """
    Predictor(tuple(halves), tta)  # is in order
    head = {"format": FORMAT, "made_by": dict(made_by), "versions": _versions(), "tta": tta}
    json.dumps(head)  # before gigabytes are written
    (folder / MANIFEST).unlink(missing_ok=True)
    told = {half.pipeline: _write_half(folder, half) for half in halves}
    write_text(folder / MANIFEST, json.dumps(head | {"pipelines": told}, indent=1) + "\n")
    _delete_others(folder, told)


def _write_half(folder: Path, half: Half) -> dict[str, Any]:
    """Its part of the manifest, once its files are written."""

    def written(name: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        name = f"{name}.npz"
        return {"file": name, "sha256": write_arrays(folder / name, arrays)}

    members = []
    for member in half.members:
        fits = []
        for fit in member.fits:
            at = {"seed": fit.spec.seed, "fold": fit.spec.split.fold}
            weights = fit.load()
            size = {"parameters": int(sum(weight.size for weight in weights))}
            arrays = {f"{number:04d}": weight for number, weight in enumerate(weights)}
            # Of the fit alone: both halves of a joint member name the same file.
            where = f"{member.spec.pipeline}/{member.spec.name}"
            name = f"{where}/seed{at['seed']}-fold{at['fold']}"
            fits.append(at | size | written(name, arrays))
        told = {"model": member.name, "spec": member.spec.to_json(), "fits": fits}
        members.append(told | {"rmse_mirrored": member.rmse_mirrored})
    level_2 = written(f"{half.pipeline}/stacker", to_arrays(half.stacker))
    stacker = {"kind": half.stacker.kind} | level_2
    return {"feeds": list(half.feeds), "stacker": stacker, "members": members}


def _half(folder: Path, pipeline: str, told: Mapping[str, Any]) -> Half:
    """What `_write_half` wrote."""
    members = []
    for member in told["members"]:
        spec = FitSpec.from_json(member["spec"])
        fits = tuple(
            TrainedFit(
                fit_spec(spec, fit["seed"], fit["fold"]),
                _reader(folder / fit["file"], fit["sha256"]),
            )
            for fit in member["fits"]
        )
        members.append(TrainedMember(fits, member.get("rmse_mirrored")))  # older ones have none
    stacker = from_arrays(read_arrays(folder / told["stacker"]["file"], told["stacker"]["sha256"]))
    return Half(pipeline, tuple(members), stacker, tuple(told["feeds"]))


def _reader(path: Path, digest: str) -> Callable[[], Weights]:
    """Reads a fit's weights, when called."""
    if not path.is_file():
        raise UserError(f"{path} is missing; {REMEDY}")

    def read() -> Weights:
        return [array for _, array in sorted(read_arrays(path, digest).items())]

    return read


def _delete_others(folder: Path, told: Mapping[str, Any]) -> None:
    """Deletes weights and stackers that the manifest does not name, and what an interrupted save
    left; nothing else that may lie in the folder."""
    named = set()
    for half in told.values():
        named |= {fit["file"] for member in half["members"] for fit in member["fits"]}
        named.add(half["stacker"]["file"])
    found = [path for name in PIPELINES for own in _OURS for path in (folder / name).glob(own)]
    for path in found:
        if path.relative_to(folder).as_posix() not in named:
            path.unlink()
            for above in path.relative_to(folder).parents[:-1]:
                if not any((folder / above).iterdir()):
                    (folder / above).rmdir()


def _versions() -> dict[str, str]:
    """Versions of Python and of what reads and writes the weights."""
    own = {"python": platform.python_version(), "fkd": own_version()}
    return own | versions(("keras", "numpy"))
