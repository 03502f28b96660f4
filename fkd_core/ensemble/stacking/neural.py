"""A small net on the members' predictions, kept as plain matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.stacking.base import Fitted, Group, Stacker, against_mean, grouped_folds
from fkd_core.ensemble.stacking.features import Array, Inputs, Standardiser, members

Layers = tuple[Array, Array, Array, Array]


@dataclass(frozen=True, eq=False)
class Network(Fitted):
    """The members' mean plus the mean of S nets of one hidden layer of H rectified units."""

    kind: ClassVar[str] = "network"

    columns: NDArray[np.int64]
    """[k] columns of ``members`` that count."""
    centre: Array
    """[k]"""
    scale: Array
    """[k]"""
    hidden: Array
    """[S, k, H]"""
    hidden_bias: Array
    """[S, H]"""
    out: Array
    """[S, H, P] px"""
    out_bias: Array
    """[S, P] px"""

    def __post_init__(self) -> None:
        self._require()
        m, p, e = self.shape.tolist()
        self._require_columns(self.columns, m * p + e)
        if self.out.ndim != 3 or 0 in self.out.shape:
            raise ValueError("network: out must be [seeds, units, coordinates]")
        k, (s, h, _) = len(self.columns), self.out.shape
        self._require(centre=(k,), scale=(k,), hidden=(s, k, h), hidden_bias=(s, h))
        self._require(out=(s, h, p), out_bias=(s, p))
        if not (self.scale > 0).all():
            raise ValueError("network: scale must be positive")

    def _predict(self, inputs: Inputs) -> Array:
        z = (members(inputs)[:, self.columns] - self.centre) / self.scale
        nets = zip(self.hidden, self.hidden_bias, self.out, self.out_bias, strict=True)
        corrections: Array = np.mean([_forward(z, net) for net in nets], axis=0)
        return inputs.mean + corrections


@dataclass(frozen=True)
class Neural(Stacker):
    """What the plain mean leaves, learnt by a net from the standardised predictions.

    Weight decay and the number of epochs are chosen together by grouped cross-validation; no
    epochs at all, which is the plain mean, is one of the choices. The mean of several seeds
    predicts (Adam: Kingma and Ba, "Adam: a method for stochastic optimization", 2015).
    """

    name: ClassVar[str] = "neural"

    alphas: tuple[float, ...] = (0.1, 1.0, 10.0)
    """Weight decays to choose from, as scikit-learn defines them."""
    epochs: tuple[int, ...] = (0, 10, 20, 40, 80)
    """Epochs to choose from, rising."""
    units: int = 64
    seeds: int = 3
    seed: int = 0
    """First seed of the nets, and that of the inner folds."""

    def _fit(self, inputs: Inputs, targets: Array, group: Group) -> Network:
        table, left = members(inputs), targets - inputs.mean
        squared = np.zeros((len(self.alphas), len(self.epochs)))
        for train, held in grouped_folds(group, self.seed):
            standard = Standardiser.fit(table[train])
            z, held_z = standard.apply(table[train]), standard.apply(table[held])
            for i, alpha in enumerate(self.alphas):
                nets = self._training(z, left[train], alpha, self.seed, self.epochs)
                for j, net in enumerate(nets):
                    squared[i, j] += ((left[held] - _forward(held_z, net)) ** 2).sum()
        i, j = divmod(int(squared.argmin()), len(self.epochs))

        standard = Standardiser.fit(table)
        z = standard.apply(table)
        kept = [
            list(self._training(z, left, self.alphas[i], self.seed + k, self.epochs[: j + 1]))[-1]
            for k in range(self.seeds)
        ]
        hidden, hidden_bias, out, out_bias = map(np.stack, zip(*kept, strict=True))
        return Network(
            shape=np.array(inputs.shape),
            notes=(
                f"weight decay {self.alphas[i]}, {self.epochs[j]} epochs:"
                f" {against_mean(squared[i, j], left)}",
                standard.note,
            ),
            columns=standard.columns,
            centre=standard.mean,
            scale=standard.scale,
            hidden=hidden,
            hidden_bias=hidden_bias,
            out=out,
            out_bias=out_bias,
        )

    def _training(
        self, z: Array, left: Array, alpha: float, seed: int, epochs: tuple[int, ...]
    ) -> Iterator[Layers]:
        """The net at each of `epochs`, its output in px; nets learn targets of unit RMS."""
        unit = float(np.sqrt((left**2).mean())) or 1.0
        from sklearn.neural_network import MLPRegressor  # takes a second

        net = MLPRegressor(
            hidden_layer_sizes=(self.units,),
            alpha=alpha,
            learning_rate_init=3e-3,
            batch_size=min(64, len(z)),
            random_state=np.random.RandomState(seed),  # an int would shuffle every epoch alike
        )
        done = 0
        for epoch in epochs:
            for _ in range(epoch - done):
                net.partial_fit(z, left / unit)
            done = epoch
            if not epoch:
                yield _no_correction(z.shape[1], self.units, left.shape[1])
                continue
            (hidden, out), (hidden_bias, out_bias) = net.coefs_, net.intercepts_
            yield hidden.copy(), hidden_bias.copy(), out * unit, out_bias * unit


def _no_correction(columns: int, units: int, outputs: int) -> Layers:
    return (
        np.zeros((columns, units)),
        np.zeros(units),
        np.zeros((units, outputs)),
        np.zeros(outputs),
    )


def _forward(z: Array, net: Layers) -> Array:
    hidden, hidden_bias, out, out_bias = net
    predicted: Array = np.maximum(z @ hidden + hidden_bias, 0) @ out + out_bias
    return predicted
