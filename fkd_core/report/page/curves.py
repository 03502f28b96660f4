"""Section: how all fits learned, those of the searches and those of the ensemble."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from fkd_core.report.page.found import CURVES, Curve, Found
from fkd_core.report.page.plain import PURPOSES
from fkd_core.report.page.plots import Series, lines
from fkd_core.report.page.section import Figure, Section, command_of

_DRAWN = 40  # curves a chart


def curve_section(run: Found) -> Section:
    """One chart for each model, pipeline and purpose."""
    if not run.curves:
        first = command_of("search_augment", run.options)
        return Section(
            "curves", "Learning curves",
            missing=[("No fit of these faces is in the store; this trains some:", first)],
        )  # fmt: skip
    groups: dict[tuple[str, str, str, int], list[Curve]] = defaultdict(list)
    for curve in run.curves:
        epochs = len(curve.held_out)
        groups[curve.family, curve.pipeline, curve.model, epochs].append(curve)
    order = sorted(groups, key=lambda key: (key[0] != "all", key[1:], key[0]))
    figures = [
        Figure(
            f"{model}, {pipeline}, {epochs} epochs: {PURPOSES.get(family, family)}",
            chart(groups[family, pipeline, model, epochs]),
            _caption(groups[family, pipeline, model, epochs]),
            folded=family != "all" and len(order) > 3,
        )
        for family, pipeline, model, epochs in order
    ]
    many = f" Of {len(run.fits)} fits, every n-th is read." if len(run.fits) > CURVES else ""
    return Section(
        "curves",
        "Learning curves",
        [
            "Error by epoch: strong lines on faces that the fit held out, thin ones on the "
            "copies it trained on. A wide gap is overfitting; a line that still falls at its end "
            f"wants more epochs.{many}"
        ],
        figures,
    )


def chart(curves: Sequence[Curve]) -> str:
    """RMSE by epoch on a logarithmic axis."""
    series = []
    for curve in curves[:: 1 + len(curves) // _DRAWN]:
        look = "s0" if not curve.bare else "s1"
        told = f"fold {curve.fold}, seed {curve.seed}: {curve.rmse:.3f} px"
        for values, thin in ((curve.train, True), (curve.held_out, False)):
            xs = np.flatnonzero(np.isfinite(values)) + 1
            ys = np.asarray(values)[xs - 1]
            series.append(Series(xs.tolist(), ys.tolist(), look, thin, told))
    said = f"learning curves of {len(curves)} fits"
    return keys(curves) + lines(series, "epoch", "RMSE, px", said, log=True)


def keys(curves: Sequence[Curve]) -> str:
    """Which colour is what, where both are there."""
    if len({curve.bare for curve in curves}) < 2:
        return ""
    return (
        '<div class="keys"><span><i style="background:var(--s0)"></i>with augmentation</span>'
        '<span><i style="background:var(--s1)"></i>without</span></div>'
    )


def _caption(curves: Sequence[Curve]) -> str:
    ends = [curve.rmse for curve in curves]
    drawn = -(-len(curves) // (1 + len(curves) // _DRAWN))
    some = f" ({drawn} drawn)" if drawn < len(curves) else ""
    return (
        f"{len(curves)} fits{some}; held-out RMSE at the end from {min(ends):.3f} to "
        f"{max(ends):.3f} px."
    )
