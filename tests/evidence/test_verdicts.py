"""Each verdict is given where its rule holds and nowhere else."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fkd_core.evidence import Comparison, holm, judge

CONTROL = Comparison(
    effect=-0.2, se=0.05, freedom=20.0, resampled_se=0.06, pairs=6, control_rmse=3.0,
    treatment_rmse=2.8, control_train_rmse=1.2, half_effect=-0.1, differences=(-0.2,) * 6,
)  # fmt: skip


def verdict_of(**changes: float) -> tuple[str, str]:
    comparison = dataclasses.replace(CONTROL, **changes)
    (verdict,) = judge({"rotation": comparison}, ["rotation"], {"rotation": 0.5})
    return verdict.verdict, verdict.note


def test_holm_agrees_with_a_worked_example() -> None:
    """p = .01, .04, .03, .005 of four tests, from the usual step-down tables."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_raw_and_bonferronis_and_keeps_the_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(a >= raw for a, raw in zip(adjusted, p, strict=True))
    assert all(a <= min(1.0, len(p) * raw) for a, raw in zip(adjusted, p, strict=True))
    ranked = [a for _, a in sorted(zip(p, adjusted, strict=True))]
    assert ranked == sorted(ranked)
    assert min(adjusted) == pytest.approx(min(1.0, len(p) * min(p)))


def test_a_sure_fall_of_the_error_is_helpful() -> None:
    assert verdict_of() == ("helpful", "")


def test_a_sure_rise_of_the_error_is_harmful() -> None:
    assert verdict_of(effect=0.2) == ("harmful", "")


def test_what_is_unsure_is_undecided() -> None:
    """At 20 degrees of freedom, 5% lie beyond 2.086 standard errors."""
    assert verdict_of(effect=-0.104, se=0.05) == ("undecided", "")
    assert verdict_of(effect=-0.105, se=0.05) == ("helpful", "")


def test_a_sure_but_tiny_effect_is_equivalent_and_no_help() -> None:
    """The zone is 0.5% of 3 px; 5% lie beyond 1.725 standard errors on one side."""
    assert verdict_of(effect=-0.008, se=0.0035) == ("equivalent", "")


def test_an_interval_that_leaves_the_zone_is_not_equivalent() -> None:
    assert verdict_of(effect=-0.008, se=0.0045) == ("undecided", "")


def test_a_second_opinion_stands_beside_a_verdict_unless_validity_failed() -> None:
    (sound,), (idle,) = (
        judge({"gamma": dataclasses.replace(CONTROL, **how)}, ["gamma"], {})
        for how in ({}, {"control_train_rmse": 2.9})
    )
    assert sound.opinion is not None
    assert sound.opinion.helps == pytest.approx(stats.t.cdf((0.2 - 0.015) / 0.06, 5))
    assert idle.note
    assert idle.opinion is None


def test_the_zone_is_what_was_asked_for() -> None:
    small = dataclasses.replace(CONTROL, effect=-0.03, se=0.01)
    (own,), (asked,) = (
        judge({"gamma": small}, ["gamma"], {}, **how) for how in ({}, {"smallest": 0.02})
    )
    assert (own.verdict, own.zone) == ("helpful", pytest.approx(0.015))
    assert (asked.verdict, asked.zone) == ("equivalent", pytest.approx(0.06))


def test_equivalence_is_corrected_for_the_number_of_candidates() -> None:
    """One such interval shows equivalence, and two of them do not."""
    tiny = dataclasses.replace(CONTROL, effect=0.0, se=0.008)
    (alone,) = judge({"gamma": tiny}, ["gamma"], {})
    both = judge({"gamma": tiny, "dim": tiny}, ["gamma", "dim"], {})
    assert (alone.verdict, [v.verdict for v in both]) == ("equivalent", ["undecided"] * 2)
    assert both[0].p_equivalent == pytest.approx(2 * (alone.p_equivalent or 1))


def test_no_verdict_where_the_control_did_not_overfit() -> None:
    assert verdict_of(control_train_rmse=1.8)[0] == "helpful"
    verdict, note = verdict_of(control_train_rmse=1.83)
    assert verdict == "undecided"
    assert "0.61" in note


@pytest.mark.parametrize("half_effect", [0.1, 0.0, float("nan")])
def test_the_sign_at_half_length_is_told_and_never_takes_a_verdict_away(
    half_effect: float,
) -> None:
    comparison = dataclasses.replace(CONTROL, half_effect=half_effect)
    (verdict,) = judge({"rotation": comparison}, ["rotation"], {})
    assert (verdict.verdict, verdict.note) == ("helpful", "")
    assert verdict.half_effect == pytest.approx(half_effect, nan_ok=True)


def test_what_the_screen_left_out_is_no_part_of_the_family() -> None:
    """It was left out for what it did on other faces: a family of 17 would make this undecided."""
    comparison = dataclasses.replace(CONTROL, effect=-0.125)  # p is 0.02
    alone = judge({"mirror": comparison}, ["mirror"], {})
    among = judge({"mirror": comparison}, ["gamma", "mirror", "shear"], {"gamma": 0.5})
    assert alone[0].verdict == "helpful"
    assert [v.transform for v in among] == ["gamma", "mirror", "shear"]
    assert [v.verdict for v in among] == [
        "undecided (not confirmed)", "helpful", "undecided (not confirmed)",
    ]  # fmt: skip
    assert among[1].p_holm == alone[0].p_holm == pytest.approx(comparison.p)
    assert (among[0].effect, among[0].p_holm, among[0].pairs) == (None, None, 0)
    assert among[0].strength == 0.5


def test_the_harmful_control_is_judged_and_counted_as_well() -> None:
    harm = dataclasses.replace(CONTROL, effect=11.0, half_effect=9.0)
    verdicts = judge(
        {"mirror": CONTROL, "mirror_without_swap": harm}, ["mirror"], {"mirror": None}
    )
    assert [(v.transform, v.verdict) for v in verdicts] == [
        ("mirror", "helpful"), ("mirror_without_swap", "harmful"),
    ]  # fmt: skip
    assert verdicts[0].p_holm == pytest.approx(CONTROL.p), "the last step of Holm's"
    assert verdicts[1].p_holm == pytest.approx(2 * harm.p)
