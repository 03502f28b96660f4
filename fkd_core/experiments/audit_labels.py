"""Finds training labels that are wrong, and measures what correcting them changes.

    python experiments/audit_labels.py --data FOLDER

1. Opinions: several unlike models are trained on five folds (search_spaces/audit.py), so that
   every face is judged by fits that never saw its image group; only what the store lacks is
   trained.
2. Rank: each face's labels are compared with the models' common opinion and with the shape of
   faces in their annotator's style, and the best explanation is named: a wrong point, exchanged
   names, one vector, the labels of another row or face, or a hopeless picture.
3. Look: gallery.html shows the most suspect ones. Accept, drag or dismiss, and save
   label_corrections.csv, which every command takes as --corrections.
4. Measure:  --apply label_corrections.csv  trains the cascade with the corrected labels, and
   without those that are flagged here, and compares both with the labels as given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fkd_core.audit.effect import Arm, effects, whole
from fkd_core.audit.explanations import PRIOR
from fkd_core.audit.gallery import write_gallery
from fkd_core.audit.kept import write_points
from fkd_core.audit.suspects import Suspect, left_out, ranked, write_suspects
from fkd_core.data.annotators import annotators
from fkd_core.data.faces import Faces
from fkd_core.ensemble.members import Member
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.table import Table
from fkd_core.errors import UserError
from fkd_core.evidence import Estimate
from fkd_core.findings.inputs import Inputs
from fkd_core.findings.provenance import provenance, write_config
from fkd_core.findings.scorings import scored
from fkd_core.fitting.store import FitStore
from fkd_core.options import check_counts
from fkd_core.progress import FitProgress, Part
from fkd_core.protocols import estimates
from fkd_core.protocols.ensemble import Ensembling
from fkd_core.protocols.feasible import check_enough
from fkd_core.report import ensemble as report
from fkd_core.report.page.section import told
from fkd_core.report.page.writing import close
from fkd_core.report.sheet import Sheet
from fkd_core.running.session import session
from fkd_core.shared_options import Options
from fkd_core.sources import PIPELINES
from fkd_core.terminal import console
from search_spaces import audit as space
from search_spaces import best_recipe, images_a_second

GIVEN, CORRECTED, LEFT_OUT = "given", "corrected", "left_out"
VIEW = "mirror"
"""Test-time augmentation of the opinions."""


@dataclass(frozen=True)
class AuditLabels(Options):
    """Options of this experiment."""

    shown: int = 120
    """Faces in the gallery; where more are flagged, those too."""
    apply: Path | None = None
    """Measure this table of corrections, instead of writing the gallery anew."""
    seeds: int = 1
    """Fits a fold of every arm that --apply measures."""
    epochs: int | None = None
    """Length of every fit, in place of the preset's."""

    PRESETS: ClassVar = {
        name: f"Besides the best recipe's cascades, networks that are shown {pictures:,} pictures."
        for name, pictures in space.PICTURES.items()
    }
    EXAMPLES: ClassVar = (
        "--preset smoke --dry-run",
        "--data FOLDER --apply label_corrections.csv",
    )

    def check(self) -> None:
        """Raises UserError for what cannot be."""
        super().check()
        check_counts(vars(self), shown=1, seeds=1, epochs=1)
        if self.corrections:
            raise UserError(
                "--corrections: labels are audited as given, so that one table says all that is "
                "wrong; leave it out"
            )
        if self.apply and not self.apply.is_file():
            raise UserError(f"--apply: {self.apply} is not there; give a table of corrections")


def main(options: AuditLabels, asked: str | None = None) -> None:
    """Rank training labels by how likely they are wrong, and show the first ones."""
    competition = options.load()
    faces = competition.training
    judges = members(options, faces)
    taught = {GIVEN: faces}
    check_enough(faces, [member.spec for member in judges], ["all"])
    OutOfFold(judges, faces, None, VIEW).check(options.photographs(faces))
    parts = plan(options, {"audit": judges}, faces)
    if options.apply:
        taught[CORRECTED] = corrected(options, options.apply)
        for name, each in taught.items():
            parts += (changed := plan(options, seed_by_seed(options, faces, name), each))
        parts += [replace(p, stage=p.stage.replace(CORRECTED, LEFT_OUT)) for p in changed]
        console.print(f"The arm {LEFT_OUT}, without flagged labels, takes as long as {CORRECTED}.")
    console.print(f"All of it takes {estimates.about(parts)}.", soft_wrap=True)
    if options.dry_run:
        console.print(options.would_write(options.outcomes.audit), soft_wrap=True)
        return
    with (
        FitProgress(console, parts, estimates.cores()) as progress,
        session(faces, options.place, watch=progress) as ray_session,
    ):

        def said(asked: Mapping[str, Sequence[Member]], of: Faces) -> dict[str, dict[str, Table]]:
            fits, kept = options.fits(of), FitStore(options.cache / "predictions")
            ensembling = Ensembling(ray_session.teaching(of), fits, kept, progress)
            return ensembling.tables(out_of_fold(asked, of))

        opinions = said({"audit": judges}, faces)["audit"]
        progress.waiting("comparing them with the labels")
        suspects = ranked(opinions, faces)
        flagged = [each for each in suspects if each.flagged]
        arms = []
        if options.apply:
            taught[LEFT_OUT] = left_out(faces, flagged)
            for name, each in taught.items():
                tables = said(seed_by_seed(options, faces, name), each).values()
                arms.append(arm_of(name, cascade(options, faces), tables, len(faces)))
    made_by = provenance(options.preset, options.seed, faces, asked, options.given)
    run = options.outcomes.begun(made_by)
    folder = run.audit
    inputs = rests_on(options, judges, taught).to_json()
    write_config(folder / "config.json", options, inputs=inputs, made_by=made_by)
    write_suspects(folder / "suspects.csv", suspects)
    console.print(reason_sheet(suspects).shown())
    console.print(f"All faces, most suspect first: {folder / 'suspects.csv'}", soft_wrap=True)
    shown = suspects[: max(options.shown, len(flagged))]
    write_points(folder, shown)
    if not options.apply:
        version = f"audit-{faces.fingerprint[:8]}"
        write_gallery(
            folder / "gallery.html",
            shown,
            faces,
            version,
            f"{made_by['command']} · {told(made_by)}",
        )
    else:
        sheet = effect_sheet(taught, arms)
        console.print(sheet.shown())
        sheet.write(folder)
        # Out of fold every face is held out, those of set final too.
        scored(run, made_by, "changed labels, on all faces", sheet.rows[0]["difference"].value)
    close(options, competition, "audit")


def members(options: AuditLabels, faces: Faces) -> list[Member]:
    """Who judges the labels."""
    pipeline = best_recipe.pipeline(annotators(faces))
    labelled = int(faces.labelled(PIPELINES[pipeline]).sum())
    taught = labelled * (space.FOLDS - 1) // space.FOLDS
    return [
        Member(
            spec.everywhere(pipeline=pipeline), (1000 * options.seed,), space.FOLDS, options.seed
        )
        for spec in space.members(options.preset, taught, options.epochs)
    ]


def cascade(options: AuditLabels, faces: Faces) -> Member:
    """What is trained on changed labels: the first member alone, for every seed."""
    seeds = tuple(1000 * options.seed + seed for seed in range(options.seeds))
    return replace(members(options, faces)[0], seeds=seeds)


def corrected(options: AuditLabels, table: Path) -> Faces:
    """The faces with these corrections."""
    return replace(options, corrections=table).read().training


def rests_on(
    options: AuditLabels, judges: Sequence[Member], taught: Mapping[str, Faces]
) -> Inputs:
    """The fits of those who judge, and of every arm of changed labels where there are some."""
    faces = taught[GIVEN]
    found = Inputs.of_trained([fit for each in judges for fit in each.fits], options.fits(faces))
    if len(taught) == 1:
        return found
    arms = [
        Inputs.of_trained(cascade(options, faces).fits, options.fits(each))
        for each in taught.values()
    ]
    keys = tuple(dict.fromkeys(key for each in (found, *arms) for key in each.fits))
    return Inputs(fits=keys, weights=keys)


def plan(options: AuditLabels, asked: Mapping[str, Sequence[Member]], faces: Faces) -> list[Part]:
    """Says what of these arms is to be trained on such faces."""
    arms, fits = out_of_fold(asked, faces), options.fits(faces)
    console.print(report.plan_sheet(arms, fits, images_a_second).shown())
    return estimates.of_tables(arms, fits, images_a_second)


def out_of_fold(asked: Mapping[str, Sequence[Member]], faces: Faces) -> dict[str, OutOfFold]:
    """By name, what is asked out of fold."""
    return {name: OutOfFold(each, faces, None, VIEW) for name, each in asked.items()}


def seed_by_seed(options: AuditLabels, faces: Faces, arm: str) -> dict[str, list[Member]]:
    """The cascade of every seed apart, by name: what an arm of changed labels says."""
    cheap = cascade(options, faces)
    return {f"{arm}, seed {seed}": [replace(cheap, seeds=(seed,))] for seed in cheap.seeds}


def arm_of(name: str, member: Member, tables: Iterable[Mapping[str, Table]], faces: int) -> Arm:
    """What the member says when it is taught such labels, from the tables of its seeds."""
    answered = [whole(each, faces) for each in tables]
    said = {seed: points for seed, (points, _) in zip(member.seeds, answered, strict=True)}
    return Arm(name, said, answered[0][1])


def effect_sheet(taught: Mapping[str, Faces], arms: Sequence[Arm]) -> Sheet:
    """What the cascade gains by being taught other labels than those given, which are the first
    arm's."""
    faces = taught[GIVEN]
    same = np.isclose(taught[CORRECTED].points, faces.points, atol=1e-3)
    kept = np.isfinite(taught[LEFT_OUT].points)
    scored = {
        "undisputed": np.where(same & kept, faces.points, np.nan),
        CORRECTED: taught[CORRECTED].points,
        GIVEN: faces.points,
    }
    rows = [
        {
            "taught": each.arm,
            "scored on": each.scored_on,
            "as given": each.comparison.control_rmse,
            "this arm": each.comparison.treatment_rmse,
            "difference": Estimate(
                each.comparison.effect, each.comparison.low, each.comparison.high
            ),
            "p": each.comparison.p,
        }
        for each in effects(arms[0], arms[1:], faces, scored)
    ]
    return Sheet(
        "effect",
        "What changed labels change in training",
        rows,
        "Out-of-fold RMSE of the cascade, px; differences in pairs of fold and seed, with 95% "
        "intervals; negative helps. Flagged labels are left out of training, not weighted less; "
        "undisputed labels are those that neither the table nor the audit touches.",
    )


def reason_sheet(suspects: Sequence[Suspect]) -> Sheet:
    """How many faces are flagged for what, and how much of the squared error they hold."""
    flagged = [each for each in suspects if each.flagged]
    total = sum(each.squared for each in suspects)
    rows = []
    for reason in PRIOR:
        mine = [each for each in flagged if each.reason == reason]
        rows.append(
            {
                "seems to be": reason,
                "faces": len(mine),
                "share of squared error": f"{sum(each.squared for each in mine) / total:.1%}",
                "most suspect rows": " ".join(str(each.row) for each in mine[:8]),
            }
        )
    note = (
        f"{len(flagged)} of {len(suspects):,} faces ({len(flagged) / len(suspects):.1%}) are more "
        f"likely wrong than right; they hold {sum(each.squared for each in flagged) / total:.0%} "
        "of the models' squared error."
    )
    return Sheet("reasons", "Suspect labels", rows, note)
