"""Policies as data: written down, read back, made lighter."""

from __future__ import annotations

import json

import pytest

from fkd_core.augment.policy import Policy, Step

POLICY = Policy((Step("rotation", 0.7, 0.25), Step("mirror"), Step("gamma", 0.5, None)))


def test_a_lighter_policy_applies_a_share_of_every_amount_equally_often() -> None:
    lighter = POLICY.lighter(0.5).lighter(0.4)
    assert [s.share for s in lighter.steps] == pytest.approx([0.2] * 3)
    assert [(s.probability, s.strength) for s in lighter.steps] == [
        (s.probability, s.strength) for s in POLICY.steps
    ]
    assert lighter.hash != POLICY.hash


@pytest.mark.parametrize("policy", [POLICY, POLICY.lighter(0.4), Policy()])
def test_a_policy_is_read_back_as_it_was_written(policy: Policy) -> None:
    assert Policy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


def test_a_policy_written_before_shares_is_read_at_its_full_amounts() -> None:
    old = {
        "steps": [{"transform": "shift", "probability": 0.5, "strength": None}],
        "choice": "all",
    }
    assert Policy.from_json(old) == Policy((Step("shift", 0.5, None),))


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1])
def test_a_share_is_above_nothing_and_at_most_all(share: float) -> None:
    with pytest.raises(ValueError, match="share of rotation"):
        POLICY.lighter(share)
