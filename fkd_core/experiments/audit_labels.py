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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fkd_core.audit.effect import Arm, effects, whole
from fkd_core.audit.explanations import PRIOR
from fkd_core.audit.gallery import write_gallery
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
from fkd_core.fitting.store import FitStore
from fkd_core.options import check_counts
from fkd_core.progress import FitProgress, Part
from fkd_core.protocols import estimates
from fkd_core.protocols.ensemble import Ensembling
from fkd_core.protocols.feasible import check_enough
from fkd_core.report import ensemble as report
from fkd_core.report.page.section import told
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
    faces = options.load().training
    judges = members(options, faces)
    taught = {GIVEN: faces}
    check_enough(faces, [member.spec for member in judges], ["all"])
    OutOfFold(judges, faces, None, VIEW).check()
    parts = plan(options, judges, faces, "audit")
    if options.apply:
        taught[CORRECTED] = corrected(options, options.apply)
        cheap = [cascade(options, faces)]
        given, changed = (plan(options, cheap, each, name) for name, each in taught.items())
        parts += [*given, *changed, *changed]
        console.print(f"The arm {LEFT_OUT}, without flagged labels, takes as long as {CORRECTED}.")
    console.print(f"All of it takes {estimates.about(parts)}.", soft_wrap=True)
    if options.dry_run:
        console.print(options.would_write(options.outcomes.audit), soft_wrap=True)
        return
    wanted = {"audit": judges}
    if options.apply:
        wanted |= seed_by_seed(cascade(options, faces), GIVEN)
    said = answers(options, wanted, faces)
    suspects = ranked(said["audit"], faces)
    flagged = [each for each in suspects if each.flagged]
    if options.apply:
        taught[LEFT_OUT] = left_out(faces, flagged)
    made_by = provenance(options.preset, options.seed, faces, asked)
    folder = options.outcomes.begun(made_by).audit
    inputs = rests_on(options, judges, taught).to_json()
    write_config(folder / "config.json", options, inputs=inputs, made_by=made_by)
    write_suspects(folder / "suspects.csv", suspects)
    console.print(reason_sheet(suspects).shown())
    console.print(f"All faces, most suspect first: {folder / 'suspects.csv'}", soft_wrap=True)
    if not options.apply:
        shown = suspects[: max(options.shown, len(flagged))]
        version = f"audit-{faces.fingerprint[:8]}"
        write_gallery(
            folder / "gallery.html",
            shown,
            faces,
            version,
            f"{made_by['command']} · {told(made_by)}",
        )
        console.print(f"Look at {len(shown)} of them: {folder / 'gallery.html'}", soft_wrap=True)
        return
    sheet = effect_sheet(options, taught, said)
    console.print(sheet.shown())
    sheet.write(folder)


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


def plan(options: AuditLabels, asked: Sequence[Member], faces: Faces, name: str) -> list[Part]:
    """Says what of an arm is to be trained; each has faces, and so a store, of its own."""
    arm, fits = {name: OutOfFold(asked, faces, None, VIEW)}, options.fits(faces)
    console.print(report.plan_sheet(arm, fits, images_a_second).shown())
    return estimates.of_tables(arm, fits, images_a_second)


def answers(
    options: AuditLabels, asked: Mapping[str, Sequence[Member]], faces: Faces
) -> dict[str, dict[str, Table]]:
    """The out-of-fold tables of each of these, by name; only what is not kept is done."""
    arms = {name: OutOfFold(each, faces, None, VIEW) for name, each in asked.items()}
    fits = options.fits(faces)
    with (
        FitProgress(
            console, estimates.of_tables(arms, fits, images_a_second), estimates.cores()
        ) as progress,
        session(faces, options.place, watch=progress) as ray_session,
    ):
        kept = FitStore(options.cache / "predictions")
        return Ensembling(ray_session, fits, kept, progress).tables(arms)


def seed_by_seed(member: Member, arm: str) -> dict[str, list[Member]]:
    """The member of every seed apart, by name: what such an arm says."""
    return {f"{arm}, seed {seed}": [replace(member, seeds=(seed,))] for seed in member.seeds}


def effect_sheet(
    options: AuditLabels, taught: Mapping[str, Faces], said: dict[str, dict[str, Table]]
) -> Sheet:
    """What the cascade gains by being taught other labels than those given; `said` has what it
    says when it is taught these."""
    faces = taught[GIVEN]
    cheap = cascade(options, faces)
    arms = []
    for name, each in taught.items():
        asked = seed_by_seed(cheap, name)
        tables = said if asked.keys() <= said.keys() else answers(options, asked, each)
        answered = [whole(tables[seed], len(faces)) for seed in asked]
        points = [points for points, _ in answered]
        arms.append(Arm(name, dict(zip(cheap.seeds, points, strict=True)), answered[0][1]))
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
