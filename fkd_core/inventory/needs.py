"""Needs: what of a results folder something else there rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fkd_core.files import read_json
from fkd_core.findings.inputs import Inputs
from fkd_core.inventory.files import mapping
from fkd_core.inventory.kept import KEY_DIGITS, weights_label
from fkd_core.inventory.stock import Inventory
from fkd_core.runs import Run

Needs = Mapping[str, Sequence[str]]
"""Label (``study ...``, ``fit ...``, ``weights ...``, ``outcome ...``) to what needs it."""


def needs_of(inventory: Inventory) -> Needs:
    """Who needs what: a study the fits that its trials name, and a finding (the policies of a run,
    its best configurations, its ensemble, its audit) what its own file lists."""
    found: dict[str, list[str]] = defaultdict(list)
    for needed, needer in (
        *_of_studies(inventory),
        *(pair for kept in inventory.runs for pair in _of_findings(inventory, kept.run)),
    ):
        if needer not in found[needed]:
            found[needed].append(needer)
    return dict(found)


Pairs = Iterator[tuple[str, str]]
"""What is needed, and by what."""


def _of_studies(inventory: Inventory) -> Pairs:
    for study in inventory.studies:
        for start in study.fits:
            yield _fit(start), study.label


def _of_findings(inventory: Inventory, run: Run) -> Pairs:
    there = {study.label for study in inventory.studies}
    there |= {fit.label for fit in inventory.fits}
    there |= {weights_label(key) for key in inventory.weights}
    for needer, inputs in _findings(inventory, run):
        labels = [
            *(f"study {name}" for name in inputs.studies),
            *map(_fit, inputs.fits),
            *map(weights_label, inputs.weights),
        ]
        for label in labels:
            if label in there:
                yield label, needer
        for folder in inputs.outcomes:
            yield _outcome(run, folder), needer


def _findings(inventory: Inventory, run: Run) -> Iterator[tuple[str, Inputs]]:
    """What the run found, each by its name, and what it lists."""
    for entry in read_json(run.policy).values():
        yield _outcome(run, run.augmentation.name), Inputs.from_json(mapping(entry).get("inputs"))
    for path in sorted(run.best.glob("*/*.json")):
        name = str(path.relative_to(inventory.folder))
        yield name, Inputs.from_json(read_json(path).get("inputs"))
    for folder in (run.ensemble, run.audit):
        config = read_json(folder / "config.json")
        yield _outcome(run, folder.name), Inputs.from_json(config.get("inputs"))


def _fit(key: str) -> str:
    """What others need a fit as, by its key or the first digits of it."""
    return f"fit {key[:KEY_DIGITS]}"


def _outcome(run: Run, folder: str) -> str:
    """What others need a folder of a run as."""
    return f"outcome {run.name}/{folder}"
