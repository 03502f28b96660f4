"""The table of verdicts reads well in a spreadsheet, and comes back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fkd_core.evidence import Comparison, Verdict
from fkd_core.protocols.transfer import Transfer
from fkd_core.report.augmentation import read_verdicts, write_transfers, write_verdicts

VERDICTS = [
    Verdict("shear", None, "undecided (not confirmed)", None, None, None, None, 0),
    Verdict("mirror", None, "undecided", 1 / 3, -0.1, 0.7, 0.25, 6, note="why, in a note"),
    Verdict("rotation", 0.5, "helpful", -0.25, -0.5, -0.125, 1e-12, 6, zone=0.0125),
    Verdict("gamma", 1.0, "helpful", -0.5, -0.75, -0.25, 0.0, 6),
]


def test_the_most_helpful_comes_first_in_units_people_know(tmp_path: Path) -> None:
    write_verdicts(tmp_path / "verdicts.csv", VERDICTS)
    frame = pd.read_csv(tmp_path / "verdicts.csv")
    assert frame["transform"].tolist() == ["gamma", "rotation", "mirror", "shear"]
    assert frame.columns.tolist()[:5] == ["transform", "setting", "strength", "verdict", "effect"]
    assert frame.setting[1] == "±12.0 degrees"
    assert frame.effect.tolist() == pytest.approx(
        [-0.5, -0.25, 0.333333, float("nan")], abs=1e-12, nan_ok=True
    )


def test_it_comes_back_to_six_digits(tmp_path: Path) -> None:
    write_verdicts(tmp_path / "verdicts.csv", VERDICTS)
    gamma, rotation, mirror, shear = read_verdicts(tmp_path / "verdicts.csv")
    assert [shear, rotation, gamma] == [VERDICTS[0], VERDICTS[2], VERDICTS[3]]
    assert mirror.effect == 0.333333
    assert (mirror.strength, mirror.note) == (None, "why, in a note")


def test_what_a_policy_changes_elsewhere_has_a_row_a_network(tmp_path: Path) -> None:
    worse = Comparison(0.02, 0.01, 9.0, 0.01, 4, 1.83, 1.85, 1.0, 0.01, ())
    found = Transfer("aligned-gated", "joint", "the best recipe's", worse)
    write_transfers(tmp_path / "transfer.csv", [found])
    (row,) = pd.read_csv(tmp_path / "transfer.csv").to_dict("records")
    assert (row["network"], row["pipeline"], row["against"]) == (
        "aligned-gated", "joint", "the best recipe's",
    )  # fmt: skip
    assert (row["treatment_rmse"], row["control_rmse"], row["effect"]) == (1.85, 1.83, 0.02)
    assert row["low"] < 0 < row["high"]


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_text("transform,verdict\nmirror,helpful\n")
    with pytest.raises(ValueError, match="not a table of verdicts"):
        read_verdicts(path)
