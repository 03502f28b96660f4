"""What is written of a tuned model: rows that replace their forerunners, and its candidates."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from fkd_core.augment.policy import Policy
from fkd_core.evidence import FitErrors, compare, rmse_interval
from fkd_core.protocols.tuned import Candidate, Tuned
from fkd_core.protocols.tuning_plan import TuningPlan
from fkd_core.report.tuning import result_table, write_tuned
from search_spaces.model import ModelSpace
from search_spaces.training import BUDGETS

MADE_BY = {"command": "python x.py", "code": "1", "data": "abc", "seed": 0}


def arm(size: float) -> list[FitErrors]:
    rng = np.random.default_rng(1)
    squared = [np.square(size + rng.normal(0, 0.2, 40)) * 8 for _ in range(4)]
    return [
        FitErrors(i % 2, i, np.arange(40, dtype=np.uint64) + 40 * (i % 2), errors,
                  np.full(40, 8), 100, 1.0, float("nan"))
        for i, errors in enumerate(squared)
    ]  # fmt: skip


def tuned(model: str = "lenet5", won: bool = True) -> Tuned:
    plan = TuningPlan(ModelSpace(model), "partial", BUDGETS["quick"], Policy(), 0)
    better = compare(arm(1.5), arm(2.0))
    params = dict(plan.space.reference)
    reference = Candidate("reference", params, plan.reference, 2.0, 0.0, 2.0, None)
    trial = Candidate("trial 7", params, plan.reference, 1.4, -0.6, 1.5, better)
    return Tuned(
        plan=plan,
        candidates=[trial, reference] if won else [reference, trial],
        final=better if won else None,
        rmse=rmse_interval(arm(1.5)),
        parameters=1234,
        fit_seconds=12.5,
        costs={"search": 3600.0, "confirm": 1800.0, "final": 1800.0},
        states={"COMPLETE": 3, "PRUNED": 2},
        warm_gain=None,
        warnings=[],
    )


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_tells_rmse_gain_cost_and_command(tmp_path: Path) -> None:
    write_tuned(tmp_path, tuned(), 0.25, MADE_BY)
    (row,) = rows(tmp_path / "results.csv")
    assert (row["pipeline"], row["model"], row["winner"]) == ("partial", "lenet5", "trial 7")
    assert float(row["low"]) < float(row["rmse"]) < float(row["high"])
    assert float(row["gain_low"]) < float(row["gain"]) < float(row["gain_high"]) < 0
    assert float(row["device_hours"]) == 0.5, "two hours of a quarter of a GPU"
    assert (row["trials"], row["pruned"], row["failed"]) == ("5", "2", "0")
    assert row["command"] == "python x.py"
    ledger = {r["stage"]: float(r["device_hours"]) for r in rows(tmp_path / "ledger.csv")}
    assert ledger == {"search": 0.25, "confirm": 0.125, "final": 0.125}


def test_rows_replace_their_forerunners_and_leave_the_others(tmp_path: Path) -> None:
    for each in (tuned(), tuned("conv5", won=False), replace(tuned(), parameters=99)):
        write_tuned(tmp_path, each, 1.0, MADE_BY)
    found = rows(tmp_path / "results.csv")
    assert [(r["model"], r["parameters"], r["gain"] != "") for r in found] == [
        ("conv5", "1234", False),
        ("lenet5", "99", True),
    ]
    assert len(rows(tmp_path / "ledger.csv")) == 6
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(result_table(tmp_path, "Winners"))
    shown = console.export_text()
    assert "conv5" in shown
    assert "99" in shown


def test_a_table_of_another_form_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("model,score\nlenet5,3\n")
    write_tuned(tmp_path, tuned(), 1.0, MADE_BY)
    assert [r["model"] for r in rows(tmp_path / "results.csv")] == ["lenet5"]


def test_the_candidates_are_written_the_winner_first(tmp_path: Path) -> None:
    write_tuned(tmp_path, tuned(), 1.0, MADE_BY)
    candidates = rows(tmp_path / "partial" / "lenet5-candidates.csv")
    assert [c["configuration"] for c in candidates] == ["trial 7", "reference"]
    assert candidates[1]["effect"] == ""
