"""Seconds of the multi-task elastic net against scikit-learn's, and of whole paths of alphas.

    OMP_NUM_THREADS=1 python benchmarks/elastic_net.py

The problem is made up, but of the true one's size and kind: ten models' predictions of 30
coordinates share an error of about 1 px and differ by about 0.5 px, and the features are all of
them and each model's pairwise products, standardised. Both solvers take the same arrays in the
same process. Of scikit-learn, `passes` limits its passes over all features.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import numpy as np
import tyro
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import MultiTaskElasticNet

from fkd_core.ensemble.stacking.elastic_net import largest_alpha, path, solve
from fkd_core.ensemble.stacking.features import Inputs, products

Array = NDArray[np.float64]
COORDINATES = 30
DIMENSIONS = 9
"""Of the shape model."""


@dataclass(frozen=True)
class Options:
    """Options of this benchmark."""

    faces: int = 2149
    models: int = 10
    alpha: float = 0.1
    l1_ratio: float = 1.0
    tolerance: float = 1e-6
    """Relative duality gap of the single solve."""
    passes: int = 1000
    """Of scikit-learn; 0 leaves it out."""
    path_l1_ratios: tuple[float, ...] = (1.0, 0.5)
    path_steps: int = 20
    """Alphas from the largest useful one to a thousandth of it."""
    path_tolerance: float = 1e-4
    seed: int = 0


def made_up(options: Options) -> tuple[Array, Array]:
    """Standardised features [n, f] and centred coordinates [n, 30], px."""
    rng = np.random.default_rng(options.seed)
    n, p = options.faces, COORDINATES
    shapes, _ = np.linalg.qr(rng.normal(size=(p, DIMENSIONS)))
    spread = 9 * 0.8 ** np.arange(DIMENSIONS)
    truth = rng.uniform(20, 76, p) + (rng.normal(size=(n, DIMENSIONS)) * spread) @ shapes.T
    truth += rng.normal(size=(n, p)) * rng.uniform(0.5, 1.5, p)
    shared = truth + rng.normal(size=(n, p))
    own = shared[:, None] + 0.5 * rng.normal(size=(n, options.models, p))
    x = products(Inputs(own, np.empty((n, 0))))
    return (x - x.mean(axis=0)) / x.std(axis=0), truth - truth.mean(axis=0)


def ours(x: Array, y: Array, options: Options) -> str:
    """Seconds and quality of one solve from zero."""
    begin = time.perf_counter()
    found = solve(x, y, options.alpha, options.l1_ratio, tolerance=options.tolerance)
    seconds = time.perf_counter() - begin
    return line("ours", seconds, found.objective, found.gap, found.active)


def by_scikit_learn(x: Array, y: Array, options: Options) -> str:
    """The same of scikit-learn, at its default tolerance."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    model = MultiTaskElasticNet(
        alpha=options.alpha,
        l1_ratio=options.l1_ratio,
        fit_intercept=False,
        max_iter=options.passes,
    )
    in_its_order = np.asfortranarray(x)
    begin = time.perf_counter()
    model.fit(in_its_order, y)
    seconds = time.perf_counter() - begin
    coef = model.coef_.T
    lengths = np.linalg.norm(coef, axis=1)
    l1, l2 = options.alpha * options.l1_ratio, options.alpha * (1 - options.l1_ratio)
    at_zero = (y**2).sum() / (2 * len(y))
    objective = ((y - x @ coef) ** 2).sum() / (2 * len(y))
    objective += l1 * lengths.sum() + l2 / 2 * (lengths**2).sum()
    text = line("scikit-learn", seconds, objective, model.dual_gap_ / at_zero, (lengths > 0).sum())
    return f"{text}, {model.n_iter_} passes"


def line(who: str, seconds: float, objective: float, gap: float, active: int) -> str:
    """What is printed of one solve."""
    return f"{who:12} {seconds:8.2f} s  objective {objective:.8f}  gap {gap:.1e}  {active} rows"


def main(options: Options) -> None:
    """Prints a line a solver, then one an alpha of each path and its sum."""
    x, y = made_up(options)
    print(f"{x.shape[0]} x {x.shape[1]} features, {y.shape[1]} targets, alpha {options.alpha}")
    print(ours(x, y, options), flush=True)
    if options.passes:
        print(by_scikit_learn(x, y, options), flush=True)
    for l1_ratio in options.path_l1_ratios:
        largest = largest_alpha(x, y, l1_ratio)
        alphas = np.geomspace(largest, largest / 1000, options.path_steps).tolist()
        print(f"path of {len(alphas)} alphas, l1_ratio {l1_ratio}:")
        begin = last = time.perf_counter()
        solutions = path(x, y, alphas, l1_ratio, tolerance=options.path_tolerance)
        for alpha, found in zip(alphas, solutions, strict=True):
            now = time.perf_counter()
            who = f"  {alpha:.4f}"
            print(line(who, now - last, found.objective, found.gap, found.active), flush=True)
            last = now
        print(f"  in all     {last - begin:8.2f} s", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options))
