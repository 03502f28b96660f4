"""Racing: when a trial need not be scored to its end, judged from its own pairs alone."""

from __future__ import annotations

import math
from collections.abc import Sequence


def hopeless(differences: Sequence[float], noise: float, z: float = 2.0) -> bool:
    """Whether a configuration that differs so from its control will hardly turn out better.

    `differences` are treatment minus control in px on the pairs scored so far, `noise` the
    deviation of one difference (px) that seeds alone make. True where the mean is above zero by
    more than z standard errors, each at least as large as the noise says. It looks at no other
    trial, so it decides the same whatever the timing (a one-sided z-test used as a race, after
    Maron and Moore 1994, Hoeffding races); it serves choosing only and is never evidence.
    """
    k = len(differences)
    if not k:
        return False
    mean = sum(differences) / k
    return mean > z * noise / math.sqrt(k)


def falls_behind(value: float, peers: Sequence[float], eta: int) -> bool:
    """Whether a trial is not among the best 1/eta of those that came this far.

    `value` is its own at this rung and `peers` are the others' there; lower is better. Fewer than
    eta others decide nothing. The stopping rule of successive halving run trial by trial (Li et
    al. 2020, A system for massively parallel hyperparameter tuning, arXiv 1810.05934); here the
    peers are the trials that had ended when this one was proposed, so timing changes nothing.
    """
    if len(peers) < eta:
        return False
    better = sum(peer <= value for peer in peers)
    return better >= max(1, (len(peers) + 1) // eta)
