"""Versions of the libraries that make the bits of results; asking imports none of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata

from fkd_core.errors import UserError

DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "keras": ("keras",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
    "jax": ("jax",),
    "jaxlib": ("jaxlib",),
    "scipy": ("scipy",),
    "scikit-learn": ("scikit-learn",),
    "opencv": (
        "opencv-python-headless",
        "opencv-python",
        "opencv-contrib-python-headless",
        "opencv-contrib-python",
    ),
}
"""Library to the names it is installed under."""

ABSENT = "absent"
"""In place of the version of a library that is not installed."""

BACKENDS = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib")}
"""Keras backend to the libraries that compute for it."""

RENDERING = ("numpy", "opencv")
"""The libraries that make augmented copies."""

STACKING = ("numpy", "scipy", "scikit-learn")
"""The libraries that fit stackers."""


@cache
def version(library: str) -> str:
    """The installed version of one of DISTRIBUTIONS, or ABSENT."""
    for name in DISTRIBUTIONS[library]:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ABSENT


def own_version() -> str:
    """The program's own version; 0 in a checkout that is not installed."""
    try:
        return metadata.version("fkd")
    except metadata.PackageNotFoundError:
        return "0"


def versions(libraries: Iterable[str] = DISTRIBUTIONS) -> dict[str, str]:
    """Their installed versions by name."""
    return {library: version(library) for library in libraries}


def refuse_others(
    there: Mapping[str, str], where: str, here: Mapping[str, str] | None = None
) -> None:
    """Raises UserError where a machine has another version of a library than this process.

    One that it lacks is no matter: nothing can be made with it there.
    """
    own = versions() if here is None else here
    wrong = [
        f"{library} {there[library]} (here: {own.get(library, ABSENT)})"
        for library in there
        if there[library] not in (ABSENT, own.get(library, ABSENT))
    ]
    if wrong:
        raise UserError(
            f"{where} has {', '.join(wrong)}; results of other libraries are never mixed: "
            "install there what requirements.txt pins, or run from an equal environment"
        )
