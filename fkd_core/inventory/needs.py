"""Needs: what of a results folder something else there rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fkd_core.fitting.naming import name_of
from fkd_core.inventory.files import mapping, read_json
from fkd_core.inventory.kept import KEY_DIGITS, KeptFit, KeptStudy, weights_label
from fkd_core.inventory.stock import Inventory
from fkd_core.runs import Run

Needs = Mapping[str, Sequence[str]]
"""Label (``study ...``, ``fit ...``, ``weights ...``, ``outcome ...``) to what needs it."""


def needs_of(inventory: Inventory) -> Needs:
    """Who needs what:

    - a study needs the fits that its trials name;
    - a run's ensemble needs its members' fits on all faces, with their weights;
    - its best/ needs the study that proposed the winner, its fits on sets confirm and final, and
      the policy it trained under;
    - its policy needs the studies of the augmentation search.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for needed, needer in (
        *_of_studies(inventory.studies),
        *(pair for kept in inventory.runs for pair in _of_ensemble(inventory, kept.run)),
        *(pair for kept in inventory.runs for pair in _of_best(inventory, kept.run)),
        *(pair for kept in inventory.runs for pair in _of_policy(inventory, kept.run)),
    ):
        if needer not in found[needed]:
            found[needed].append(needer)
    return {needed: needers for needed, needers in found.items() if needers}


Pairs = Iterator[tuple[str, str]]
"""What is needed, and by what."""


def _of_studies(studies: Sequence[KeptStudy]) -> Pairs:
    for study in studies:
        for start in study.fits:
            yield f"fit {start[:KEY_DIGITS]}", study.label


def _of_ensemble(inventory: Inventory, run: Run) -> Pairs:
    config, needer = read_json(run.ensemble / "config.json"), _label(run, run.ensemble)
    options = mapping(config.get("options"))
    first = 1000 * int(options.get("seed", 0))
    seeds = range(first, first + int(options.get("seeds", 1)))
    for member in config.get("members", ()):
        for fit in _of_configuration(
            inventory, member, lambda row: row.get("family") == "all" and row["seed"] in seeds
        ):
            yield fit.label, needer
            yield weights_label(fit.key), needer


def _of_best(inventory: Inventory, run: Run) -> Pairs:
    found = [mapping(entry).get("policy") for entry in read_json(run.policy).values()]
    for path in sorted(run.best.glob("*/*.json")):
        name = str(path.relative_to(inventory.folder))
        best = read_json(path)
        spec = mapping(best.get("spec"))
        for study in _searched(inventory.studies, path.parent.name, path.stem, best):
            yield study.label, name
        for fit in _of_configuration(
            inventory, spec, lambda row: row.get("family") in ("confirm", "final")
        ):
            yield fit.label, name
        if spec.get("policy") in found:
            yield _label(run, run.augmentation), name


def _searched(
    studies: Sequence[KeptStudy], pipeline: str, model: str, best: Mapping[str, Any]
) -> list[KeptStudy]:
    """The studies that the winner came from: its trial has the value that the evidence tells;
    where none has, every study of this model."""
    own = [study for study in studies if study.name.startswith(f"tuning/{pipeline}/{model}@")]
    evidence = mapping(best.get("evidence"))
    winner = str(evidence.get("winner", "")).removeprefix("trial ")
    number = int(winner) if winner.isdecimal() else 0
    exact = [
        study
        for study in own
        if number < len(study.outcomes)
        and study.outcomes[number].values == [evidence.get("rmse_search")]
    ]
    return exact or own


def _of_policy(inventory: Inventory, run: Run) -> Pairs:
    for pipeline in read_json(run.policy):
        for study in inventory.studies:
            if study.name.startswith(f"augmentation/{pipeline}/"):
                yield study.label, _label(run, run.augmentation)


def _label(run: Run, folder: Path) -> str:
    """What others need a folder of a run as."""
    return f"outcome {run.name}/{folder.name}"


def _of_configuration(
    inventory: Inventory, spec: Mapping[str, Any], fits: Callable[[Mapping[str, Any]], bool]
) -> Iterator[KeptFit]:
    """The fits of a spec's configuration whose summary passes; only likely ones are read."""
    wanted = _configuration(spec)
    like = {
        "model": name_of(spec),
        "pipeline": spec.get("pipeline"),
        "epochs": mapping(spec.get("training")).get("epochs"),
    }
    for fit in inventory.fits:
        if inventory.store and like.items() <= fit.row.items() and fits(fit.row):
            stored = inventory.store.get(fit.key)
            if stored and _configuration(mapping(stored.record.get("spec"))) == wanted:
                yield fit


def _configuration(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON spec without what says which faces are scored, and without its seed."""
    split, before = mapping(spec.get("split")), spec.get("aligned_by")
    rest = {name: value for name, value in spec.items() if name not in ("seed", "split")}
    if before:
        rest["aligned_by"] = _configuration(mapping(before))
    return rest | {name: split.get(name) for name in ("limit", "stop_share")}
