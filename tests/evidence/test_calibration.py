"""The benchmark that calibrates the evidence: it simulates what the evidence would see, and what
it says of it is what ``compare`` says."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated import errors

from fkd_core.command import begin
from fkd_core.errors import UserError
from fkd_core.evidence import Components, FitErrors, compare
from fkd_core.evidence.components import estimate

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import calibrate_evidence as calibration

OPTIONS = calibration.Options(studies=200, faces=120)
DEALS = Components(deal=0.03)


def fits_of(on: calibration.Scored, squared: calibration.Array, arm: int) -> list[FitErrors]:
    """The first study's, as fits."""
    return [
        errors(n % 2, n, squared[0, arm, n][held], group=np.flatnonzero(held).astype(np.uint64))
        for n, held in enumerate(on.held[0])
    ]


def test_a_simulated_comparison_is_what_compare_makes_of_its_fits() -> None:
    random = np.random.default_rng(0)
    on = calibration.scored(random, Components(reaction=0.05), 3, 61, 5)
    squared = on.errors(random, Components(reaction=0.05), np.array([0.0, -0.1]))
    (_, found), *_ = calibration.comparisons(on.table(squared))
    wanted = compare(fits_of(on, squared, 2), fits_of(on, squared, 0))
    for name in ("effect", "se", "freedom", "control_rmse", "treatment_rmse", "p", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name)), name


def test_a_picture_without_a_browser_is_refused_before_anything_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "browser", lambda: None)
    asked = replace(OPTIONS, picture=tmp_path / "power.png")
    with pytest.raises(UserError, match=r"^--picture: no browser is here; install chromium"):
        begin(asked)
    begin(OPTIONS)
    monkeypatch.undo()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"--picture: .* cannot be a folder"):
        begin(replace(OPTIONS, picture=tmp_path / "file" / "power.png"))


def test_each_round_holds_every_face_out_once() -> None:
    on = calibration.scored(np.random.default_rng(0), Components(), 2, 50, 6)
    rounds = on.held.reshape(2, 3, 2, 50).sum(axis=2)
    assert (rounds == 1).all()
    assert not (on.held[:, 0] == on.held[:, 2]).all(), "dealt anew"
    old = calibration.scored(np.random.default_rng(0), Components(), 2, 50, 6, anew=False)
    assert (old.held[:, 0] == old.held[:, 2]).all()


def test_the_whole_procedure_is_seldom_wrong_and_always_finds_the_harmful_control() -> None:
    judged = calibration.studies(np.random.default_rng(1), Components(), OPTIONS, 200)
    row = calibration.size("A/A", judged)
    # 200 at 5% give over 17 by chance once in fifty times
    assert row["any false verdict"].value <= 17 / 200
    assert 0.02 < row["p < 0.05"] < 0.065
    assert row["harmful control found"] == 1
    assert {len(j.comparisons) for j in judged} == {OPTIONS.confirmed + 1}


def test_what_acts_on_deals_misleads_two_deals_and_not_six() -> None:
    random = np.random.default_rng(2)
    six, two = (
        calibration.size("", calibration.studies(random, DEALS, OPTIONS, 80, anew))
        for anew in (True, False)
    )
    assert six["p < 0.05"] < 0.08
    assert two["p < 0.05"] > 0.15


def test_power_is_as_foreseen() -> None:
    random = np.random.default_rng(3)
    many = replace(OPTIONS, studies=1500, faces=220)
    for effect, pairs in ((-0.08, 10), (-0.12, 6)):
        found = calibration.power(random, Components(), many, effect, pairs)
        foreseen = Components().power(effect, 220, pairs, 2, 0.05 / many.confirmed)
        assert found == pytest.approx(foreseen, abs=0.12)
    assert Components().power(-0.08, 220, 16, 2, 0.01) > Components().power(-0.08, 220, 6, 2, 0.01)


def test_the_parts_are_found_again_in_fits_that_were_made_of_them() -> None:
    random = np.random.default_rng(4)
    parts = Components(cell=0.1, reaction=0.06, fit=0.02, tails=50, difficulty=0.3)
    found = []
    for _ in range(6):
        on = calibration.scored(random, parts, 1, 400, 12)
        squared = on.errors(random, parts, np.array([-0.05]))
        found.append(estimate(fits_of(on, squared, 1), fits_of(on, squared, 0)))
    assert np.mean([f.rmse for f in found]) == pytest.approx(2.85, abs=0.1)
    assert np.mean([f.difficulty for f in found]) == pytest.approx(0.3, abs=0.03)
    assert np.mean([f.cell for f in found]) == pytest.approx(0.1, abs=0.01)
    assert np.mean([f.reaction for f in found]) == pytest.approx(0.06, abs=0.012)
    assert np.mean([f.fit for f in found]) == pytest.approx(0.02, abs=0.007)
    with pytest.raises(ValueError, match="two fits"):
        estimate(fits_of(on, squared, 1)[:2], fits_of(on, squared, 0)[:2])


def test_its_tables_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calibration.main(
        replace(OPTIONS, studies=50, faces=40, effects=(-0.5,), power_pairs=(6,), out=tmp_path)
    )
    assert "any false verdict" in capsys.readouterr().out
    with open(tmp_path / "power.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["called_helpful"]) > 0.7
    with open(tmp_path / "calibration.csv", newline="") as file:
        kinds = [r["candidates"] for r in csv.DictReader(file)]
    assert kinds == ["A/A", "move faces by 5%", "act on deals by 1.5%", "the same, two deals"]
