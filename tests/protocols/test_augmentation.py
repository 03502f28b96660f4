"""Composition: what it begins with, and on whose faces it is judged, with simulated fits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from here import Here

from fkd_core.augment.policy import Policy
from fkd_core.data.folds import set_of
from fkd_core.evidence import HARMFUL, HELPFUL, NOT_CONFIRMED, UNDECIDED, Verdict
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult
from fkd_core.fitting.store import FitStore
from fkd_core.protocols import augmentation, augmentation_studies
from fkd_core.protocols.augmentation import AugmentationSearch, Meeting
from fkd_core.protocols.augmentation_plan import Plan
from fkd_core.protocols.augmentation_studies import PolicyStudies
from fkd_core.running.simulated import outcome, simulated_faces
from fkd_core.studies.simulation import simulate
from fkd_core.studies.storage import Storage
from search_spaces import augmentation as space
from search_spaces.augmentation import Budget

FACES = simulated_faces(120)
BUDGET = Budget((0.5,), 120, 4, 1, 3, 2, 3, 1, 2, 2)
NAMES = ("rotation", "mirror", "sharpen", "box_blur", "dim")
VERDICTS = [
    Verdict(name, strength, verdict, None, None, None, None, 2)
    for name, strength, verdict in (
        ("rotation", 0.5, HELPFUL),
        ("sharpen", 0.3, UNDECIDED),
        ("box_blur", 0.5, HARMFUL),
        ("dim", 0.5, NOT_CONFIRMED),
        ("mirror_without_swap", None, UNDECIDED),
    )
]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AugmentationSearch:
    def run_studies(session: Any, studies: Any, fits: Fits, *_: object) -> None:
        simulate(studies, fits, FACES)

    monkeypatch.setattr(augmentation_studies, "run_studies", run_studies)
    fits = Fits(FitStore(tmp_path), FACES.fingerprint)
    plan = Plan(space, "complete", NAMES, BUDGET, seed=0)
    return AugmentationSearch(plan, cast(Any, Here(FACES)), fits, Storage())


def test_another_space_is_another_search(search: AugmentationSearch, tmp_path: Path) -> None:
    def named(space: Any) -> str:
        other = replace(search.studies, plan=replace(search.plan, space=space))
        return other.name("compose", other.design("search", 0, 1))

    def copied(text: str) -> SimpleNamespace:
        path = tmp_path / "augmentation.py"
        path.write_text(text, encoding="utf-8")
        return SimpleNamespace(**{**vars(space), "FILES": (path,)})

    text = space.FILES[0].read_text(encoding="utf-8")
    assert named(copied(f"{text}# A word.\n")) == named(space)
    assert named(copied(text.replace("0.0, 0.9)", "0.0, 0.8)"))) != named(space)


def transforms(policy: Policy) -> list[str]:
    return [step.transform for step in policy.steps]


def test_a_composition_begins_with_all_that_was_not_found_harmful_then_with_the_helpful(
    search: AugmentationSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    asked = PolicyStudies.proposals

    def proposals(self: PolicyStudies, sampler: Any, first: Any = ()) -> Any:
        begun.extend(first)
        return asked(self, sampler, first)

    monkeypatch.setattr(PolicyStudies, "proposals", proposals)
    search._best_composition({v.transform: v for v in VERDICTS[:2]})
    all_of_them, helpful = (space.composed(dict(values)) for values in begun)
    assert transforms(all_of_them) == ["rotation", "sharpen"]
    assert transforms(helpful) == ["rotation"]
    assert {s.transform: s.strength for s in all_of_them.steps} == {
        "rotation": 0.5,
        "sharpen": 0.3,
    }


def test_every_study_of_a_search_is_listed_as_what_it_rests_on(search: AugmentationSearch) -> None:
    assert not search.inputs.studies
    search.confirm(search.screen())
    search.compose(VERDICTS)
    kept = [study.study_name for study in search.storage.optuna.get_all_studies()]
    assert sorted(search.inputs.studies) == sorted(kept)
    named = {key for study in _trials(search) for key in study}
    rows = [row["key"] for row in search.fits.store.rows()]
    assert {key for key in rows if key[:16] not in named} == {*search.inputs.fits}, "the controls"


def _trials(search: AugmentationSearch) -> list[list[str]]:
    """The fits that each trial of any study names."""
    optuna = search.storage.optuna
    studies = [study._study_id for study in optuna.get_all_studies()]
    return [trial.user_attrs["fits"] for each in studies for trial in optuna.get_all_trials(each)]


def test_a_policy_is_judged_on_faces_that_chose_nothing(search: AugmentationSearch) -> None:
    meeting = search.compose(VERDICTS)
    assert meeting is not None
    assert set(transforms(meeting.composed)) <= {"rotation", "sharpen"}
    assert meeting.winner != "none", "rotation lowers every face's error"
    assert meeting.final is not None
    assert meeting.final.pairs == BUDGET.final_pairs
    assert meeting.final.effect < 0
    rows = search.fits.store.rows(family="final")
    found = [stored for row in rows if (stored := search.fits.store.get(row["key"]))]
    assert len(found) == 2 * BUDGET.final_pairs
    assert {name for s in found for name in set_of(s.arrays["group"])} == {"final"}


def test_nothing_is_composed_where_all_that_was_confirmed_is_harmful(
    search: AugmentationSearch,
) -> None:
    assert search.compose([replace(v, verdict=HARMFUL) for v in VERDICTS]) is None


def test_a_winner_without_augmentation_has_nothing_to_show_on_final(
    search: AugmentationSearch,
) -> None:
    design = search.studies.design("confirm", 0, 2)
    results = [outcome(spec, FACES) for spec in search.studies.specs(design, Policy())]
    whole = [result for result in results if isinstance(result, FitResult)]
    same = augmentation.compared(whole, whole)
    meet = partial(Meeting, Policy(), Policy(), same, same, same, {})
    assert meet().winner == "none"
    assert search._final("none", meet().policy) is None
