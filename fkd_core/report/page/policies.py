"""Section: what augmentations do to faces, alone and together."""

from __future__ import annotations

from html import escape

import numpy as np

from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.render import render
from fkd_core.augment.transforms import TRANSFORMS, Transform
from fkd_core.data.faces import Faces
from fkd_core.report.page.found import Found
from fkd_core.report.page.plain import policy_in_words, setting
from fkd_core.report.page.section import Figure, Section, command_of
from fkd_core.report.page.tiles import Tile, tiles
from fkd_core.sources import PIPELINES

SAMPLES = 11
"""Copies of a face that a policy is shown by."""
_LOOKED_AT = 16  # draws, of which the one that changes the picture most is shown
_STRENGTHS = (0.0, 0.5, 1.0)


def policy_section(run: Found) -> Section:
    """The policies, samples of them, and every transform at its strengths."""
    words, missing = [], []
    for pipeline, (policy, _) in run.policies.items():
        words.append(f"Policy for {pipeline} faces. {policy_in_words(policy)}")
    if not run.policies:
        used = (
            "the best recipe's cascades have augmentations of their own"
            if run.options.get("recipe") == "best"
            else "the reference's is used"
        )
        search = command_of("search_augment", run.options)
        missing.append((f"No policy was found yet; {used}. This finds one:", search))
    if run.faces is None:
        missing.append(
            ("The run's faces cannot be read, so none is shown; with them:",
             command_of("report", run.options, "--data", "FOLDER"))
        )  # fmt: skip
        return Section("policy", "What augmentations do", words, missing=missing)
    figures = [
        Figure(
            f"Copies that the {pipeline} policy makes",
            tiles(_samples(run.faces, policy, pipeline), "copy under the policy"),
            "First the original, then copies as a fit sees them in successive epochs; points "
            "move with the picture.",
            made_by,
        )
        for pipeline, (policy, made_by) in run.policies.items()
        if policy
    ]
    figures.append(
        Figure(
            "Every augmentation at its strengths",
            _transforms(run.faces),
            "Original, then strength 0, a half and 1 of what a search may try. Amounts are drawn "
            "anew for each copy up to the limit; of sixteen draws, the one that changes the "
            "picture most is shown.",
        )
    )
    return Section("policy", "What augmentations do", words, figures, missing)


def typical(faces: Faces, pipeline: str, count: int) -> list[int]:
    """Positions of faces of a pipeline with as many labels as any has, spread over the table."""
    own = np.flatnonzero(faces.labelled(PIPELINES[pipeline]))
    if not len(own):
        own = np.arange(len(faces))
    labels = np.isfinite(faces.points[own]).all(axis=2).sum(axis=1)
    richest = own[labels == labels.max()]
    places = np.linspace(0, len(richest) - 1, min(count + 2, len(richest))).astype(int)
    inner = places[1:-1] if len(places) > 2 else places
    return [int(richest[at]) for at in inner[:count]]


def _samples(faces: Faces, policy: Policy, pipeline: str) -> list[Tile]:
    found = []
    for number, at in enumerate(typical(faces, pipeline, 2)):
        own = slice(at, at + 1)
        images, points, rows = faces.images[own], faces.points[own], faces.row[own]
        found.append(Tile(images[0], points[0], caption=f"row {rows[0]}, original"))
        for copy in range(SAMPLES):
            image, moved = render(images, points, rows, policy, number, copy)
            found.append(Tile(image[0], moved[0], caption=f"copy {copy + 1}"))
    return found


def _transforms(faces: Faces) -> str:
    shown = typical(faces, "complete", 6)
    parts = []
    for number, transform in enumerate(TRANSFORMS.values()):
        at = shown[number % len(shown)]
        control = "" if transform.candidate else " (control)"
        name = escape(transform.name.replace("_", " ") + control)
        parts.append(
            f"<div><h4>{name}</h4><p>{escape(transform.sentence)}</p>"
            f"{tiles(_strengths(faces, at, transform), transform.name, 104)}</div>"
        )
    return f'<div class="transforms">{"".join(parts)}</div>'


def _strengths(faces: Faces, at: int, transform: Transform) -> list[Tile]:
    own = slice(at, at + 1)
    images, points, rows = faces.images[own], faces.points[own], faces.row[own]

    def drawn(strength: float, copy: int) -> tuple[np.ndarray, np.ndarray]:
        policy = Policy((Step(transform.name, 1.0, strength),))
        image, moved = render(images, points, rows, policy, 0, copy)
        return image[0], moved[0]

    def change(copy: int) -> float:
        image, _ = drawn(1.0, copy)
        return float(np.abs(image.astype(np.float32) - images[0]).mean())

    if not transform.has_strength:
        image, moved = drawn(0.5, 0)
        changed = [Tile(image, moved, caption="changed")]
    else:
        copy = max(range(_LOOKED_AT), key=change)
        changed = []
        for strength in _STRENGTHS:
            image, moved = drawn(strength, copy)
            changed.append(Tile(image, moved, caption=setting(transform.name, strength)))
    return [Tile(images[0], points[0], caption="original"), *changed]
