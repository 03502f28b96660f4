"""A policy meets what other networks train under, with simulated fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from here import Here

from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.data.folds import set_of
from fkd_core.experiments.search_augment import SearchAugment, transfer_plan
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.spec import FitSpec
from fkd_core.fitting.store import FitStore
from fkd_core.models.lenet5 import LeNet5
from fkd_core.protocols.transfer import Network, TransferPlan, transferred
from fkd_core.running.simulated import simulated_faces
from fkd_core.sources import PIPELINES

FACES = simulated_faces(120)
TURNED = Policy((Step("rotation", 0.5, 0.5),))
BLURRED = Policy((Step("mirror_without_swap", 0.5, None),))


def plan(**networks: FitSpec) -> TransferPlan:
    named = [Network(name, spec, "the old one's") for name, spec in networks.items()]
    return TransferPlan(named, pairs=4, seed=0)


@pytest.fixture
def fits(tmp_path: Path) -> Fits:
    return Fits(FitStore(tmp_path), FACES.fingerprint)


def test_each_network_says_what_the_policy_changes_for_it(fits: Fits) -> None:
    alone = FitSpec(LeNet5.tiny())
    met = plan(bare=alone, turned=replace(alone, policy=TURNED))
    bare, turned = transferred(met, TURNED, cast(Any, Here(FACES)), fits)
    assert (bare.network, bare.pipeline, bare.instead) == ("bare", "complete", "the old one's")
    assert bare.comparison.effect < 0, "rotation lowers every face's error"
    assert turned.comparison.effect == 0.0, "it trains so already"
    assert bare.comparison.pairs == 4


def test_harm_is_found_too(fits: Fits) -> None:
    (found,) = transferred(plan(a=FitSpec(LeNet5.tiny())), BLURRED, cast(Any, Here(FACES)), fits)
    assert found.comparison.low > 0


def test_it_happens_on_set_confirm_with_seeds_of_its_own_and_lists_its_fits(fits: Fits) -> None:
    met = plan(a=FitSpec(LeNet5.tiny()))
    transferred(met, TURNED, cast(Any, Here(FACES)), fits)
    rows = fits.store.rows()
    assert len(rows) == met.fits == 8
    assert {str(row["key"]) for row in rows} == {*met.keys(TURNED, fits)}
    found = [stored for row in rows if (stored := fits.store.get(row["key"]))]
    assert {name for each in found for name in set_of(each.arrays["group"])} == {"confirm"}
    assert {row["seed"] for row in rows} == {700, 701, 702, 703}


def test_from_quick_on_three_unlike_networks_are_asked_of_both_annotators(faces: Faces) -> None:
    assert transfer_plan("complete", SearchAugment(preset="smoke"), faces) is None
    met = transfer_plan("complete", SearchAugment(preset="quick"), faces)
    assert met is not None
    assert [network.name for network in met.networks] == ["lenet5", "plain", "aligned-gated"]
    assert [n.spec.pipeline for n in met.networks] == ["complete", "complete", "joint"]
    # A cascade's first stage trains as it always does.
    alone, under = met.arms(TURNED)[-2:]
    assert (alone.aligned_by, under.policy) == (under.aligned_by, TURNED)
    assert alone.policy != TURNED


def test_nobody_is_taught_by_annotators_whose_faces_are_not_there(faces: Faces) -> None:
    alone = faces.take(np.flatnonzero(faces.of_mask(PIPELINES["partial"])))
    met = transfer_plan("partial", SearchAugment(preset="quick"), alone)
    assert met is not None
    assert [network.name for network in met.networks] == ["lenet5", "plain"]
