"""How many planted mistakes does the audit of labels find?

    python experiments/audit_labels.py
    python benchmarks/audit_demo.py

The demo faces have wrong labels of known rows and kinds (demo_truth.csv). Precision is the share
of planted ones among the most suspect faces, recall the share of all planted ones among them; at
the planted number both are one. Another table of wrong labels is given by --truth: a CSV file
with a column `row`, and maybe one `wrong`, which says how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from fkd_core.data.demo import demo_folder
from fkd_core.report.sheet import Sheet
from fkd_core.runs import DEMO, Run
from fkd_core.tables import read_table

console = Console(highlight=False)


@dataclass(frozen=True)
class Options:
    """Options of this benchmark."""

    results: Path = Path("results")
    """Folder that audit_labels.py wrote to."""
    run: str = DEMO
    """Its run."""
    truth: Path | None = None
    """Which rows are wrong; without it, those of the demo faces."""


def main(options: Options) -> None:
    """Prints precision and recall, and what became of every planted mistake."""
    truth = options.truth or demo_folder(options.results / "cache" / "demo") / "demo_truth.csv"
    wrong = {int(row["row"]): row.get("wrong", "wrong") for row in read_table(truth)}
    suspects = read_table(Run(options.results / options.run).audit / "suspects.csv")
    sheet = precision_sheet([int(row["row"]) for row in suspects], set(wrong), suspects)
    console.print(sheet.shown())
    rank = {int(row["row"]): row for row in suspects}
    found = [
        {
            "row": row,
            "planted": kind,
            "rank": int(rank[row]["rank"]) if row in rank else None,
            "said": rank[row]["reason"] if row in rank else "not among the faces",
            "log odds": float(rank[row]["score"]) if row in rank else None,
        }
        for row, kind in wrong.items()
    ]
    found.sort(key=lambda each: (each["rank"] is None, each["rank"]))
    console.print(Sheet("planted", "Planted mistakes", found).shown())


def precision_sheet(
    ranked: Sequence[int], wrong: set[int], suspects: Sequence[dict[str, str]]
) -> Sheet:
    """Precision and recall of the first so many."""
    flagged = sum(float(row["score"]) > 0 for row in suspects)
    counts = {"as many as are planted": len(wrong), "all that are flagged": flagged}
    rows = []
    for name, count in counts.items():
        hits = len(wrong & set(ranked[:count]))
        rows.append(
            {
                "the first": name,
                "faces": count,
                "planted among them": hits,
                "precision": hits / max(1, count),
                "recall": hits / max(1, len(wrong)),
            }
        )
    return Sheet("precision", "Planted mistakes among the most suspect faces", rows)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
