"""What faults cost a search, and whether they change it: the table of docs/faults.md.

    python benchmarks/faults.py [--times N] [--seed SEED] [--faults NAME ...] [--out FOLDER]

Injects each fault at random moments into short searches with simulated fits (real Ray, Tune,
Optuna and store), until it was tried so often, lets each search end, and compares it with an
undisturbed one. The faults are those of the tests, in tests/studies: they are taken from there,
for what is measured here should be what is tested.

Prints a Markdown table: how often each fault was tried; finished fits that were lost or run twice;
trials whose state, parameters, value or notes are wrong at the end; and the seconds from the fault
to the next finished fit (median and worst), the driver's restart included where it had ended.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from fkd_core.report.sheet import Sheet, text

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "studies"))

import injection as at  # type: ignore[import-not-found]
from driven import Search  # type: ignore[import-not-found]
from surroundings import Postgres, SmallDisk, cluster_of_two  # type: ignore[import-not-found]

SHORT = ("--short",)
APART = 8
"""Between two faults of one search, at most, in fits."""


@dataclass(frozen=True)
class Kind:
    """One row of the table."""

    fault: at.Fault
    sentence: str
    needs: str = ""
    """What must be there besides the search."""


KINDS = {
    kind.fault.__name__: kind
    for kind in (
        Kind(at.kill_driver, "driver and its Ray session killed (SIGKILL), run again"),
        Kind(at.kill_worker, "worker process killed"),
        Kind(at.kill_proxy, "Tune's actor of a trial killed"),
        Kind(at.lose_node, "one of two machines lost, another joins", "cluster"),
        Kind(at.interrupt, "Ctrl-C, run again"),
        Kind(at.terminate, "SIGTERM, run again"),
        Kind(at.fill_disk, "disk full, freed, run again", "disk"),
        Kind(at.lock_database, "SQLite locked for 2 s by another process"),
        Kind(at.stop_server, "PostgreSQL stopped at once, started, run again", "server"),
        Kind(at.damage_entry, "driver killed, a bit of a kept result flipped, run again"),
    )
}


@contextmanager
def scene(
    folder: Path, kind: Kind, chance: random.Random, server: Postgres | None
) -> Iterator[at.Scene]:
    """A new search with what the fault needs."""
    search, cluster = Search(folder / "results", SHORT), None
    search.results.mkdir(parents=True)
    with ExitStack() as stack:
        if kind.needs == "cluster":
            cluster = stack.enter_context(cluster_of_two())
            search.address = cluster.address
        if kind.needs == "disk":
            disk = SmallDisk(search.results)
            stack.callback(disk.close)
            search.inside, search.seen = disk.inside, disk.seen
        if server is not None:
            search.options = (*SHORT, "--storage", server.database())
        yield at.Scene(search, chance, cluster, server)


def row(kind: Kind, damages: Sequence[at.Damage]) -> dict[str, Any]:
    """What is said of one fault."""
    seconds = [second for damage in damages for second in damage.recoveries]
    return {
        "fault": kind.sentence,
        "times": sum(sum(damage.tried.values()) for damage in damages),
        "lost fits": sum(damage.lost for damage in damages),
        "wrong trials": sum(damage.wrong for damage in damages),
        "other results": sum(not damage.same for damage in damages),
        "median s": round(statistics.median(seconds), 1) if seconds else None,
        "worst s": round(max(seconds), 1) if seconds else None,
    }


def markdown(sheet: Sheet) -> str:
    """The sheet as a table of a Markdown file."""
    names = sheet.columns
    lines = [names, ["---"] * len(names)]
    for cells in sheet.rows:
        shown = (
            f"{cell:.1f}" if isinstance(cell, float) else text(cell) for cell in cells.values()
        )
        lines.append(list(shown))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(
    times: int = 10,
    seed: int = 0,
    faults: tuple[str, ...] = tuple(KINDS),
    out: Path | None = None,
) -> None:
    """Measures these faults, each so many times; `out` is a folder for faults.csv."""
    chance, rows = random.Random(seed), []
    with tempfile.TemporaryDirectory(prefix="fkd-faults-") as folder:
        room = Path(folder)
        calm = Search(room / "calm", SHORT).finish()
        for name in faults:
            kind, damages = KINDS[name], list[at.Damage]()
            with ExitStack() as stack:
                server = None
                if kind.needs == "server":
                    server = Postgres()
                    stack.callback(server.close)
                while (left := times - sum(sum(d.tried.values()) for d in damages)) > 0:
                    with scene(room / f"{name}{len(damages)}", kind, chance, server) as search:
                        damages.append(at.disturbed(search, [kind.fault], left, APART, calm))
                    for complaint in damages[-1].complaints:
                        print(f"{name}: {complaint}", file=sys.stderr)
            rows.append(row(kind, damages))
            print(rows[-1], file=sys.stderr, flush=True)
    sheet = Sheet("faults", "Faults", rows)
    if out is not None:
        sheet.write(out)
    print(markdown(sheet))


if __name__ == "__main__":
    tyro.cli(main)
