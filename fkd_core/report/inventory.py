"""Tables of what lies in a results folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial
from rich.filesize import decimal

from fkd_core.inventory import Inventory, KeptFit, KeptStudy, Needs
from fkd_core.inventory.deleting import Doomed
from fkd_core.inventory.files import total
from fkd_core.inventory.kept import weights_label
from fkd_core.inventory.pruning import Droppable
from fkd_core.report.sheet import Sheet
from fkd_core.studies.replay import Replayed


def overview(inventory: Inventory, needs: Needs) -> list[Sheet]:
    """What is in the runs, studies, fits, caches and pictures, as far as there are any."""
    sheets = [
        _outcomes(inventory, needs),
        _studies(inventory, needs),
        _fits(inventory, needs),
        _shared(inventory),
    ]
    return [sheet for sheet in sheets if sheet.rows]


def shared_folder(inventory: Inventory, needs: Needs, name: str) -> Sheet:
    """What lies in a folder that all runs share."""
    if name == "fits":
        return _fits(inventory, needs)
    sheet = _shared(inventory)
    artifacts = name == "artifacts"
    own = [row for row in sheet.rows if (row["folder"] == "artifacts") == artifacts]
    return replace(sheet, title=f"In {name}", rows=own)


def trials(study: KeptStudy) -> Sheet:
    """What became of each trial."""
    rows = [
        row(
            trial=trial.number,
            state=trial.state.name,
            value=trial.values[0] if trial.values else None,
            seconds=trial.user_attrs.get("seconds"),
            params=params(trial.params),
            fits=" ".join(str(key)[:8] for key in trial.user_attrs.get("fits", ())),
            failure=str(trial.user_attrs.get("failure", "")),
        )
        for trial in study.trials
    ]
    return Sheet("trials", f"Trials of {study.name}", rows)


def going(doomed: Sequence[Doomed]) -> Sheet:
    """What a deletion would take."""
    rows = [
        row(
            what=each.kept.label,
            size=_inside(each.kept) if isinstance(each.kept, KeptStudy) else decimal(each.bytes),
            needed_by=_some(each.needed_by),
        )
        for each in doomed
    ]
    size = decimal(sum(each.bytes for each in doomed))
    return Sheet("deletion", "To be deleted", rows, f"{size} in all")


def dropped(droppable: Sequence[Droppable]) -> Sheet:
    """What pruning drops, kind by kind."""
    kinds: dict[str, list[Droppable]] = defaultdict(list)
    for each in droppable:
        kinds[each.kind].append(each)
    rows = [
        row(
            what=kind,
            entries=len(own),
            size=decimal(sum(each.bytes for each in own)),
            to_have_it_again=own[0].again,
        )
        for kind, own in kinds.items()
    ]
    return Sheet("dropped", "Dropped", rows)


def staying(remaining: Mapping[str, tuple[int, str]]) -> Sheet:
    """What pruning leaves, and why."""
    rows = [
        row(what=part, size=decimal(size), why=why)
        for part, (size, why) in sorted(remaining.items(), key=lambda each: -each[1][0])
    ]
    return Sheet("staying", "What stays", rows)


def replayed(found: Sequence[Replayed]) -> Sheet:
    """Each trial against what the rule proposes now."""
    rows = [
        row(
            trial=each.trial.number,
            state=each.trial.state.name,
            proposal="the same" if each.same else "differs",
            recorded=params(each.trial.params),
            proposed_now="" if each.same else _proposed(each),
        )
        for each in found
    ]
    return Sheet("replay", "Proposals asked for again", rows)


def row(**cells: Any) -> dict[str, Any]:
    """A row by its columns' names, with underscores for spaces."""
    return {name.replace("_", " "): cell for name, cell in cells.items()}


def params(values: Mapping[str, Any]) -> str:
    """A trial's parameters in one line."""
    return ", ".join(
        f"{name}={value:.5g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )


def when(seconds: float) -> str:
    """A moment, given in seconds since 1970, as the local clock shows it."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


def _outcomes(inventory: Inventory, needs: Needs) -> Sheet:
    rows = [
        row(
            outcome=outcome.name,
            size=decimal(outcome.bytes),
            date=when(outcome.date),
            code=str(outcome.made_by.get("code", "")),
            command=str(
                outcome.made_by.get("command", "" if outcome.config else "config.json is damaged")
            ),
            needed_by=_some(needs.get(outcome.label, ())),
        )
        for outcome in inventory.outcomes
    ]
    return Sheet("outcomes", "Outcomes", rows)


def _studies(inventory: Inventory, needs: Needs) -> Sheet:
    rows = [
        row(
            study=study.name,
            trials=" ".join(f"{n} {state.lower()}" for state, n in sorted(study.states.items())),
            best=_value(study.best),
            hours=study.costs.spent / 3600,
            pruned_h=study.costs.pruned / 3600,
            stored_h=study.costs.stored / 3600,
            date="" if study.date is None else f"{study.date:%Y-%m-%d %H:%M}",
            needed_by=_some(needs.get(study.label, ())),
        )
        for study in inventory.studies
    ]
    caption = "hours of workers: spent, and saved by pruning and by the store"
    return Sheet("studies", "Studies", rows, caption)


def _fits(inventory: Inventory, needs: Needs) -> Sheet:
    groups: dict[tuple[str, str], list[KeptFit]] = defaultdict(list)
    for fit in inventory.fits:
        groups[str(fit.row.get("model", "")), str(fit.row.get("pipeline", ""))].append(fit)
    rows = [
        row(
            model=model,
            pipeline=pipeline,
            fits=len(own),
            failed=sum(bool(fit.row.get("failure")) for fit in own),
            needed=sum(bool(needs.get(fit.label)) for fit in own),
            results=decimal(sum(int(fit.row["bytes"]) for fit in own)),
            weights=decimal(total(fit.weights for fit in own if fit.weights)),
            weights_needed=sum(
                bool(fit.weights and needs.get(weights_label(fit.key))) for fit in own
            ),
            worker_hours=sum(float(fit.row.get("seconds", 0)) for fit in own) / 3600,
        )
        for (model, pipeline), own in sorted(groups.items())
    ]
    note = "needed: by a study that names them, or by what was found in a run"
    return Sheet("fits", "Fits", rows, note)


def _shared(inventory: Inventory) -> Sheet:
    rows = [
        row(folder=name, files=len(files), size=decimal(total(files)), note="can be made again")
        for name, files in inventory.caches.items()
    ]
    if inventory.artifacts:
        files = inventory.artifacts
        note = "pictures on the dashboard's pages; each goes with its study"
        rows.append(
            row(folder="artifacts", files=len(files), size=decimal(total(files)), note=note)
        )
    return Sheet("shared", "Caches and pictures", rows)


def _some(needers: Sequence[str]) -> str:
    """The first of those who need something."""
    more = len(needers) - 2
    return ", ".join(needers[:2]) + (f" and {more} more" if more > 0 else "")


def _value(trial: FrozenTrial | None) -> float | None:
    return None if trial is None else trial.value


def _inside(study: KeptStudy) -> str:
    return f"{len(study.outcomes)} trials"


def _proposed(each: Replayed) -> str:
    if each.proposed is None:
        return "nothing: a trial that it waits for has not ended"
    return params(each.proposed)
