"""A results folder as the commands leave it, made in a second without training anything."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from results_for_tests import made_up_result

from fkd_core.audit.gallery import write_gallery
from fkd_core.audit.kept import write_points
from fkd_core.audit.suspects import Suspect, write_suspects
from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.data.folds import Split, set_of
from fkd_core.data.kaggle import Competition
from fkd_core.ensemble.said import Said, write_said
from fkd_core.ensemble.submitted import record
from fkd_core.evidence import Comparison, Estimate, Verdict
from fkd_core.findings.policy import write_policy
from fkd_core.findings.scorings import scored
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.protocols.transfer import Transfer
from fkd_core.report.augmentation import write_transfers, write_verdicts
from fkd_core.report.page.writing import places_of
from fkd_core.shared_options import Options
from fkd_core.sources import PIPELINES, SOURCES
from fkd_core.studies.storage import open_storage

POLICY = Policy((Step("rotation", 0.4, 0.5), Step("mirror", 0.5, 0.5)))
SPEC = FitSpec(LeNet5(), training=Training(epochs=8))


def made_by(faces: Faces, script: str) -> dict[str, Any]:
    """As ``findings.provenance``."""
    return {
        "command": f"python experiments/{script}.py --seed 0",
        "code": "0.2.0",
        "data": faces.fingerprint[:16],
        "pictures": faces.pictures[:16],
        "faces": len(faces),
        "date": "2026-11-29",
        "preset": "smoke",
        "seed": 0,
    }


def competition_of(faces: Faces) -> Competition:
    """Its test images are the first faces again."""
    return Competition(faces, faces.images[:6], np.arange(1, 7, dtype=np.int32), None, ())


def searched(results: Path, faces: Faces) -> Options:
    """What search_augment.py leaves."""
    options = Options(results=results)
    options.outcomes.begun(made_by(faces, "search_augment"))
    places = places_of(options)
    verdicts = [
        verdict("rotation", 0.5, "helpful", -0.3),
        verdict("mirror", 0.5, "helpful", -0.4),
        verdict("brighten", 0.25, "equivalent", 0.01, 0.02),
        verdict("coarse_dropout", 0.5, "harmful", 0.2),
        verdict("shear", 0.5, "undecided", -0.05, note="the signs <disagree>"),
        Verdict("gamma", 0.25, "undecided (not confirmed)", None, None, None, None, 0),
        verdict("mirror_without_swap", 0.5, "harmful", 9.5, 0.4),
    ]
    write_verdicts(places.run.augmentation / "verdicts.csv", verdicts)
    rows = [
        ("composed", "none", "confirm", -0.55),
        ("uniform_choice", "none", "confirm", -0.2),
        ("composed", "none", "final", -0.45),
    ]
    write(places.run.augmentation / "meeting.csv", [
        {"treatment": t, "control": c, "set": s}
        | {"effect": e, "low": e - 0.1, "high": e + 0.1}
        for t, c, s, e in rows
    ])  # fmt: skip
    changes = {
        "lenet5": Comparison(-0.3, 0.04, 9.0, 0.05, 4, 2.7, 2.4, 1.2, -0.2, ()),
        "plain": Comparison(0.15, 0.04, 9.0, 0.05, 4, 2.2, 2.35, 1.2, 0.1, ()),
    }
    transfers = [Transfer(n, "complete", "the reference's", c) for n, c in changes.items()]
    write_transfers(places.run.augmentation / "transfer.csv", transfers)
    told = made_by(faces, "search_augment")
    config(places.run.augmentation, told)
    write_policy(options.outcomes.policy, "complete", POLICY, told)
    studied(options, "augmentation/complete/compose/mirror+rotation+brighten+box_blur@01ab", 6)
    fits = Fits(FitStore(results / "fits"), faces.fingerprint)
    for seed in range(2):
        for policy in (Policy(), POLICY):
            spec = replace(SPEC, seed=seed, policy=policy, split=Split("confirm"))
            fits.keep(spec, made_up_result(spec, faces, 2.0))
    return options


def tuned(results: Path, faces: Faces, trials: int = 12) -> Options:
    """What tune_models.py leaves."""
    options = Options(results=results)
    options.outcomes.begun(made_by(faces, "tune_models"))
    places = places_of(options)
    told = made_by(faces, "tune_models")
    config(places.run.tuning, told)
    write(places.run.tuning / "results.csv", [{
        "pipeline": "complete", "model": "lenet5", "rmse": 1.7, "low": 1.6, "high": 1.8,
        "gain": -1.0, "gain_low": -1.4, "gain_high": -0.6, "parameters": 10, "trials": trials,
        "command": "python experiments/tune_models.py",
    }])  # fmt: skip
    hours = {"pipeline": "complete", "model": "lenet5", "stage": "search", "device_hours": 0.5}
    write(places.run.tuning / "ledger.csv", [hours])
    write(places.run.tuning / "complete" / "lenet5-candidates.csv", [
        {"configuration": "trial 7", "searched": 1.5, "searched_gain": -1.1, "confirmed": 1.6,
         "best": 0.83, "effect": -0.9, "low": -1.2, "high": -0.6},
        {"configuration": "reference", "searched": 2.6, "searched_gain": 0, "confirmed": 2.5,
         "best": 0.17},
    ])  # fmt: skip
    studied(options, "tuning/complete/lenet5@01ab", trials)
    return options


def combined(results: Path, faces: Faces) -> Options:
    """What build_ensemble.py leaves."""
    options = Options(results=results)
    options.outcomes.begun(made_by(faces, "build_ensemble"))
    places = places_of(options)
    folder = places.run.ensemble
    told = made_by(faces, "build_ensemble")
    config(folder, told)
    arms = {"ensemble": 2.3, "mean": 2.5, "best_member": 2.4, "reference": 3.1}
    write(folder / "score.csv", [
        {"arm": name} | {k: v for c in ("score", *SOURCES) for k, v in estimate(c, rmse).items()}
        for name, rmse in arms.items()
    ])  # fmt: skip
    halves = {}
    for name, source in SOURCES.items():
        write(folder / f"members-{name}.csv", [
            {"member": member, "rmse_out_of_fold": 2.4 + 0.1 * i, "correlation": 0.8,
             **estimate("rank", 1.2 + 0.6 * i),
             **estimate("rmse_on_final", 2.5 + 0.1 * i), **estimate("without_it", 0.1 - 0.15 * i),
             "tta": -0.05, "parameters": 1000, "seconds": 60}
            for i, member in enumerate(("lenet5", "conv5"))
        ])  # fmt: skip
        write(folder / f"stackers-{name}.csv", [
            {"stacker": "mean", **estimate("rmse_by_cv", 2.5), "rmse_on_final": 2.55},
            {"stacker": "ridge", "ships": "yes", **estimate("rmse_by_cv", 2.3),
             **estimate("against_mean", -0.2), "rmse_on_final": 2.4},
        ])  # fmt: skip
        own = np.flatnonzero(faces.labelled(PIPELINES[name]))
        labels = np.nan_to_num(faces.points[own][:, list(source.keypoints)], nan=48.0)
        points = labels + np.random.default_rng(1).normal(0, 2, labels.shape)
        halves[name] = Said(
            faces.row[own], set_of(faces.group[own]) == "final", points.astype(np.float32),
            np.array(["lenet5", "conv5"]), np.array([[1, 0.7], [0.7, 1]], np.float32),
            np.arange(1, 7, dtype=np.int32), points[:6].astype(np.float32),
        )  # fmt: skip
    write_said(folder, halves)
    write(folder / "keypoints.csv", [
        {"keypoint": "nose_tip", "complete": 3.1, "partial": 2.9},
        {"keypoint": "left_eye_center", "complete": 1.5, "partial": 1.4},
    ])  # fmt: skip
    places.run.submission.write_text("RowId,Location\n1,48.000000\n")
    scored(options.outcomes, told, "ensemble of lenet5, conv5", 2.3)
    record(places.run.submission, Estimate(2.3, 2.2, 2.4), ("complete/lenet5",), told, 2.25)
    fits = Fits(FitStore(results / "fits"), faces.fingerprint)
    for fold in range(3):
        spec = replace(SPEC, policy=POLICY, split=Split("all", folds=3, fold=fold))
        fits.keep(spec, made_up_result(spec, faces, 2.0))
    return options


def studied(options: Options, name: str, trials: int) -> None:
    """A study of so many trials, of which every fifth was stopped early."""
    storage = open_storage(options.storage_url)
    study = optuna.create_study(storage=storage.optuna, study_name=name)
    rng = np.random.default_rng(0)
    kinds = {
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "activation": CategoricalDistribution(["elu", "relu"]),
    }
    for number in range(trials):
        power, which = rng.uniform(-4, -2), int(rng.integers(2))
        pruned = number % 5 == 3
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
                value=None if pruned else abs(power + 3) + 1.5 + rng.normal(0, 0.05),
                params={"learning_rate": 10**power, "activation": ["elu", "relu"][which]},
                distributions=kinds,
                intermediate_values={4: 3.0},
            )
        )


def audited(results: Path, faces: Faces, applied: bool = False) -> Options:
    """What audit_labels.py leaves; with `applied`, what it leaves of --apply."""
    options = Options(results=results)
    told = made_by(faces, "audit_labels")
    folder = options.outcomes.begun(told).audit
    table = "label_corrections.csv" if applied else None
    config(folder, told, preset="full", epochs=3, apply=table)
    suspects = [
        Suspect(
            at, int(faces.row[at]), "ab", "complete", 2.0 - at, reason, (10,), faces.points[at],
            faces.points[at] + 3, faces.points[at] + 3, None,
        )
        for at, reason in enumerate(("wrong point", "shifted", "wrong point", "swapped"))
    ]  # fmt: skip
    write_suspects(folder / "suspects.csv", suspects)
    write_points(folder, suspects)
    if applied:
        rows = [
            {"taught": arm, "scored_on": labels, "as_given": 2.0, "this_arm": 1.9}
            | estimate("difference", -0.2)
            for labels in ("undisputed", "corrected")
            for arm in ("corrected", "left_out")
        ]
        write(folder / "effect.csv", rows)
    else:
        write_gallery(folder / "gallery.html", suspects, faces, "audit-1", "made")
    return options


def verdict(
    name: str, strength: float, said: str, effect: float, reach: float = 0.08, note: str = ""
) -> Verdict:
    """One that was confirmed, of a control with an RMSE of 3 px."""
    ends = (effect - reach, effect + reach)
    return Verdict(
        name, strength, said, effect, *ends, 0.01, 6, 0.9, 0.08, 0.02, 3.0, effect, 0.4, 0.015,
        0.9, note,
    )  # fmt: skip


def estimate(column: str, value: float) -> dict[str, float]:
    """Three cells."""
    return {column: value, f"{column}_low": value - 0.1, f"{column}_high": value + 0.1}


def config(folder: Path, told: dict[str, Any], **more: Any) -> None:
    """config.json of a folder, with more options."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {"results": str(folder.parent.parent), "seed": 0, **more}
    content = {"options": options, "made_by": told}
    (folder / "config.json").write_text(json.dumps(content))


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """A CSV file whose columns are those of all rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
