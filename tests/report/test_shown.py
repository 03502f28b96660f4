"""Every table of the product is readable in a narrow terminal: no number is ever cut."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from fkd_core.evidence import HARMFUL, HELPFUL, Comparison, Estimate, Verdict
from fkd_core.fitting.spec import FitSpec
from fkd_core.models.lenet5 import LeNet5
from fkd_core.protocols.augmentation import Meeting
from fkd_core.protocols.transfer import Transfer
from fkd_core.protocols.tuned import Candidate
from fkd_core.report.augmentation import meeting_table, transfer_table, verdict_table
from fkd_core.report.sheet import Sheet, text
from fkd_core.report.shown import Shown
from fkd_core.report.tuning import COLUMNS, candidate_table, result_table

ROOT = Path(__file__).parents[2]
APART = Estimate(-0.0346, -0.1012, 0.0212)
MET = Comparison(-0.5372, 0.05, 9.0, 0.001, 10, 12.9372, 12.4, 1.0, -0.4, ())


SURE = (0.99, 0.01, 0.0)


def verdicts() -> Shown:
    found = [
        Verdict("perspective", 0.5, HELPFUL, -0.6073, -0.7741, -0.4562, 0.0001, 6, *SURE),
        Verdict("mirror_without_swap", None, HARMFUL, 12.1041, 11.3772, 12.7811, 0.0002, 6, *SURE),
        Verdict("coarse_dropout", 1.0, "undecided (not confirmed)", None, None, None, None, 0),
    ]
    return verdict_table(found, "Augmentations on complete faces, set confirm")


def meeting() -> Shown:
    left_out = {"perspective": MET, "coarse_dropout": MET}
    met = SimpleNamespace(
        against_none=MET, uniform_against_none=MET, against_uniform=MET, left_out=left_out,
        final=MET, winner="composed",
    )  # fmt: skip
    return meeting_table(cast(Meeting, met), "The composed policy on set confirm, fresh seeds")


def transfers() -> Shown:
    found = Transfer("aligned-inception_v3", "complete", "the best recipe's", MET)
    return transfer_table([found], "The policy on other networks")


def candidates() -> Shown:
    reference = Candidate("reference", {}, FitSpec(LeNet5()), 2.5, 0.0, 2.5, None)
    trial = Candidate("trial 17", {}, FitSpec(LeNet5()), 1.8, -0.7123, 2.0, MET, best=0.93)
    plan = SimpleNamespace(model="inception_v3", pipeline="complete")
    return candidate_table(cast(Any, SimpleNamespace(plan=plan, candidates=[trial, reference])))


def results(folder: Path) -> Shown:
    values = "complete,inception_v3,1.6812,1.5123,1.8841,-1.0161,-1.3811,-0.5662,112345678,"
    (folder / "results.csv").write_text(
        ",".join(COLUMNS) + "\n" + values + "128.1,12.34567,20,9,1,trial 7,python x.py\n"
    )
    return result_table(folder, "The winners on set final")


SHEETS = {
    "fits": {
        "for": "reference", "pipeline": "complete", "model": "inception_v3", "epochs": 300,
        "fits": 15, "missing (fold/seed)": " ".join(f"{k}/{s}000" for s in (1, 2, 3)
        for k in range(5)), "core-min": "1234.5",
    },
    "members": {
        "member": "plain16+plain24", "RMSE out of fold": 2.4567, "RMSE on final": 2.4012,
        "correlation": 0.812, "without it": APART, "TTA": APART, "parameters": 112_345_678,
        "seconds": 12345,
    },
    "stackers": {
        "stacker": "elastic_net", "ships": "yes", "RMSE by CV": 2.3012, "against mean": APART,
        "RMSE on final": 2.2987, "against mean there": APART, "seconds": 1234.567,
    },
    "score": {
        "arm": "ensemble_without_copies", "score": Estimate(2.333, 2.226, 2.444),
        "complete": Estimate(2.133, 2.026, 2.244), "partial": Estimate(2.633, 2.526, 2.744),
        "against the ensemble": APART,
    },
    "compact": {
        "pipeline": "complete", "kept (fits)": "lenet5 (5), inception_v3 (2), conv5 (3)",
        "megabytes": 98.765, "cost": APART,
    },
    "trials": {
        "trial": 1234, "state": "COMPLETE", "value": 1.93456, "seconds": 12345.678,
        "params": "learning_rate=0.00123, schedule=cosine, warmup=0.051234",
        "fits": "0a1b2c3d 4e5f6a7b", "failure": "",
    },
    "studies": {
        "study": "augmentation/complete/screen/mirror_without_swap@12345678",
        "trials": "12 complete 3 fail 17 pruned", "best": -0.31234, "hours": 12.345,
        "pruned h": 1.234, "stored h": 0.123, "date": "2026-01-31 23:59",
        "needed by": "run complete/tuning and 12 more",
    },
    "runs": {
        "run": "augmentation", "size": "938.1 MB", "date": "2026-01-31 23:59", "code": "0a1b2c3d",
        "command": "python experiments/search_augment.py --preset full --seed 12345",
        "needed by": "",
    },
}  # fmt: skip
"""A row of each of the product's sheets, as wide as it comes."""


def shown(table: Shown, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


@pytest.fixture(params=["verdicts", "meeting", "transfers", "candidates", "results", *SHEETS])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Shown:
    made = {"verdicts": verdicts, "meeting": meeting, "transfers": transfers}
    made["candidates"] = candidates
    if request.param in made:
        return made[request.param]()
    if request.param == "results":
        return results(tmp_path)
    row = SHEETS[request.param]
    return Sheet(request.param, "A title", [row, row], "Of 95% intervals, 1.5 px.").shown()


@pytest.mark.parametrize("width", [60, 80, 130])
def test_no_number_is_cut_at_any_width(table: Shown, width: int) -> None:
    said = shown(table, width)
    assert all(len(line) <= width for line in said.splitlines())
    assert "\u2026" not in said
    for row in table.rows:
        for number in re.findall(r"[-+]?\d[\d,.:/]*\d", " ".join(row)):
            assert number in said, number
    for number, name in enumerate(table.columns):
        if number and any(row[number] for row in table.rows):  # the first may stand for itself
            assert all(word in said for word in name.split()), name


def test_a_wide_terminal_gets_a_table_and_a_narrow_one_blocks() -> None:
    assert "\u2503" in shown(verdicts(), 130)
    block = shown(verdicts(), 60)
    assert "perspective\n  setting: " in block
    assert "95% interval: -0.774 .. -0.456" in block


@pytest.mark.parametrize("width", [30, 130])
def test_brackets_in_names_are_shown_as_they_are(width: int) -> None:
    sheet = Sheet("", "Of [old]", [{"name": "[red]a[/red]", "in [px]": "[b]"}], "Below [old].")
    said = shown(sheet.shown(), width)
    assert all(
        name in said for name in ("Of [old]", "[red]a[/red]", "in [px]", "[b]", "Below [old]")
    )


def test_an_empty_cell_takes_no_room_in_a_block() -> None:
    sheet = Sheet("", "Title", [{"name": "a" * 70, "value": None, "other": 1}])
    assert shown(sheet.shown(), 60).splitlines()[-1].rstrip() == "  other: 1"
    assert text(None) == ""


def test_every_table_of_the_product_is_shown_so() -> None:
    for folder in ("fkd_core", "experiments", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            if "from rich.table" in path.read_text(encoding="utf-8"):
                assert path.name == "shown.py", path
