"""Looks after a results folder: what is there, what it is needed for, and what may go.

    python experiments/results.py
    python experiments/results.py --show NAME
    python experiments/results.py --compare RUN OTHER
    python experiments/results.py --delete NAME [NAME ...]
    python experiments/results.py --prune 10GB
    python experiments/results.py --replay STUDY
    python experiments/results.py --redo KEY --data FOLDER

A NAME is that of a run (demo), of what a command left in it (demo/ensemble), of a study, or the
beginning of a fit's key; --show and --compare take any part of a name that no other has. Nothing
is deleted that something else needs, unless --force says so; --dry-run only says what would go.
--replay and --redo end with exit code 1 where what is on record does not come out again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.filesize import decimal
from rich.progress import track

from fkd_core import needs
from fkd_core.errors import UserError
from fkd_core.experiments.comparing import errors_beside
from fkd_core.inventory import (
    Inventory,
    KeptFit,
    KeptRun,
    KeptStudy,
    Needs,
    Outcome,
    find,
    needs_of,
    take,
)
from fkd_core.inventory.deleting import check_unneeded, delete, doomed, needed_by
from fkd_core.inventory.files import parse_size
from fkd_core.inventory.names import find_fit, find_run, find_study
from fkd_core.inventory.pruning import prune, remaining, to_drop
from fkd_core.needs import Need, backend, check
from fkd_core.report import inventory as report
from fkd_core.report.runs import comparison, run_sheet, score_sheet, verdict_sheets
from fkd_core.report.sheet import Sheet
from fkd_core.runs import SHARED
from fkd_core.shared_options import Options
from fkd_core.studies.replay import replay, rule_of
from fkd_core.terminal import console, say


@dataclass(frozen=True)
class Results:
    """Options of this command."""

    results: Path = Path("results")
    """Folder that the experiments wrote."""
    storage: str | None = None
    """Optuna storage URL; without it, studies.db in the results folder."""
    show: str | None = None
    """A run with its verdicts and scores, a command's outcome with its options too, a study with
    its trials, a fit with its spec and figures, or a folder that runs share: fits, cache,
    artifacts."""
    compare: tuple[str, ...] = ()
    """Two runs to show side by side: verdicts, scores, how their ensembles err on equal faces, and
    what differs in their options."""
    delete: tuple[str, ...] = ()
    """Runs, outcomes, studies or fits to delete; asks before it does."""
    force: bool = False
    """Delete also what something else needs."""
    yes: bool = False
    """Delete without asking."""
    prune: str | None = None
    """Size to cut the folder down to, like 500MB, 10GB or 1.5GiB: drops caches, then what is
    damaged or unfinished, then weights; never results, studies or submissions."""
    dry_run: bool = False
    """Say what --delete or --prune would take, and do nothing."""
    replay: str | None = None
    """A study whose rule of proposals is asked again with the results on record."""
    redo: str | None = None
    """Beginning of the key of a fit to do again, to compare what it predicts; needs its --data."""
    data: Path | None = None
    """For --redo and --compare: folder or archive with the competition's files; without it the
    demo faces, or for --compare what the first run used."""
    corrections: Path | None = None
    """For --redo: the table of corrected labels that the fit was made with; for --compare, of
    those to score on in place of what the first run used."""

    EXAMPLES: ClassVar = (
        "--show NAME",
        "--prune 10GB --dry-run",
    )

    @property
    def needs(self) -> list[Need]:
        """What must be there besides files."""
        return needs.storage(self.storage)

    def check(self) -> None:
        """Raises UserError for a size that is none, or for several things at once."""
        asked = [
            f"--{name}"
            for name in ("show", "compare", "delete", "prune", "replay", "redo")
            if getattr(self, name)
        ]
        if len(asked) > 1:
            raise UserError(f"{' and '.join(asked)}: give one of them at a time")
        if self.compare and len(self.compare) != 2:
            raise UserError(f"--compare: {len(self.compare)} given; name two runs")
        if self.prune is not None:
            parse_size(self.prune)

    @property
    def shared(self) -> Options:
        """Those that it has in common with the experiments."""
        return Options(
            data=self.data,
            results=self.results,
            corrections=self.corrections,
            storage=self.storage,
        )


def main(options: Results) -> None:
    """Look after a results folder: list, show, compare, delete, prune, replay, redo."""
    url = options.shared.storage_url
    inventory = take(options.results, url, given=options.storage is not None)
    for line in inventory.warnings(url):
        say(line)
    if options.replay is not None:
        replay_study(inventory, options.replay)
    elif options.redo is not None:
        redo_fit(inventory, options.redo, options.shared)
    elif options.show is not None:
        show(inventory, needs_of(inventory), options.show)
    elif options.compare:
        compare(inventory, options)
    elif options.delete:
        delete_named(inventory, needs_of(inventory), options)
    elif options.prune is not None:
        prune_to(inventory, needs_of(inventory), parse_size(options.prune), options.dry_run)
    else:
        overview(inventory, needs_of(inventory))


def overview(inventory: Inventory, needs: Needs) -> None:
    """Everything, in tables."""
    sheets = [run_sheet(inventory.runs)] if inventory.runs else []
    sheets += report.overview(inventory, needs)
    for sheet in sheets:
        tell(sheet)
    if not sheets:
        say(f"{inventory.folder} holds no run, study, fit or cache.")
    say(f"{decimal(inventory.bytes)} in {inventory.folder}")


def show(inventory: Inventory, needs: Needs, name: str) -> None:
    """All that is known of one thing."""
    if name.strip("/") in SHARED:
        sheet = report.shared_folder(inventory, needs, name.strip("/"))
        if sheet.rows:
            tell(sheet)
        else:
            say(f"Nothing is in {inventory.folder / name}.")
        return
    kept = find(inventory, name, part=True)
    match kept:
        case KeptRun():
            say_json(kept.begun_by)
            for sheet in (run_sheet([kept]), *verdict_sheets(kept), score_sheet(kept)):
                if sheet.rows:
                    tell(sheet)
        case KeptStudy():
            say_json(kept.notes)
            tell(report.trials(kept))
        case Outcome():
            say_json({key: value for key, value in kept.config.items() if key != "inputs"})
            (run,) = (run for run in inventory.runs if kept in run.outcomes)
            if kept.folder == run.run.augmentation:
                for sheet in verdict_sheets(run):
                    tell(sheet)
            elif kept.folder in (run.run.ensemble, run.run.tuning):
                tell(score_sheet(run))
        case KeptFit():
            stored = inventory.store and inventory.store.get(kept.key)
            record = stored.record if stored else {}
            say_json({"key": kept.key, "made": report.when(kept.row["created"]), **record})
    say(f"Needed by: {', '.join(needed_by(needs, kept)) or 'nothing'}")


def compare(inventory: Inventory, options: Results) -> None:
    """Two runs side by side."""
    one, other = (find_run(inventory, name) for name in options.compare)
    if one == other:
        raise UserError(f"--compare: both are run {one.name}; name two")
    for sheet in comparison(one, other, errors_beside(one, other, options)):
        tell(sheet)


def delete_named(inventory: Inventory, needs: Needs, options: Results) -> None:
    """Deletes what may go, once that is confirmed."""
    going = doomed(inventory, needs, options.delete)
    if not options.force:
        check_unneeded(going)
    tell(report.going(going))
    if options.dry_run:
        return
    if not options.yes:
        if not sys.stdin.isatty():
            raise UserError("--delete asks first, and nobody is there to answer; add --yes")
        if input("Delete? [y/N] ").strip().lower() not in ("y", "yes"):
            say("Nothing was deleted.")
            return
    delete(inventory, going)
    say(f"Deleted: {', '.join(each.kept.label for each in going)}")


def prune_to(inventory: Inventory, needs: Needs, limit: int, dry_run: bool) -> None:
    """Cuts the folder down to so many bytes, or as far as that goes."""
    going = to_drop(inventory, needs, limit)
    left = inventory.bytes - sum(each.bytes for each in going)
    if going:
        tell(report.dropped(going))
    if not dry_run:
        prune(inventory, going)
    say(
        f"{decimal(inventory.bytes)} in {inventory.folder} before, "
        f"{decimal(left)} {'would be left' if dry_run else 'now'}."
    )
    if left > limit:
        tell(report.staying(remaining(inventory, going)))
        say(f"{decimal(limit)} cannot be reached: nothing else may go.")


def replay_study(inventory: Inventory, name: str) -> None:
    """Asks the study's rule again; exit code 1 where it proposes otherwise."""
    study = find_study(inventory, name)
    again = replay(name, rule_of(name, study.notes), study.trials)
    live = console.is_terminal
    found = list(track(again, "asking", len(study.trials), console=console, disable=not live))
    tell(report.replayed(found))
    wrong = [str(each.trial.number) for each in found if not each.same]
    if wrong:
        say(
            f"{len(wrong)} of {len(found)} proposals differ: trials {', '.join(wrong)}. Results "
            "were changed after they were used, or another version of Optuna proposes otherwise."
        )
        sys.exit(1)
    say(f"Proposals: {len(found)}, the same in the same order.")


def redo_fit(inventory: Inventory, name: str, options: Options) -> None:
    """Does one fit again; exit code 1 where other bits come out."""
    from fkd_core.inventory.redoing import redo

    kept = find_fit(inventory, name)
    assert inventory.store is not None
    stored = inventory.store.get(kept.key)
    spec = stored.record["spec"] if stored else {}
    check(backend(str(spec.get("backend", "tensorflow")), f"--redo {name}"))
    done = redo(inventory.store, kept.key, options.read().training, options.cache / "copies")
    for library, (then, now) in done.versions.items():
        say(f"{library}: {then} then, {now} now")
    if done.same:
        say(f"{kept.label}: bit for bit the same.")
        return
    say(f"{kept.label}: {done.difference}.")
    sys.exit(1)


def tell(sheet: Sheet) -> None:
    """Prints a table."""
    console.print(sheet.shown())


def say_json(content: Mapping[str, Any]) -> None:
    """Prints JSON."""
    say(json.dumps(content, indent=2, default=str))
