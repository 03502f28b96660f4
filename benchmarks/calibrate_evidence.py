"""How often is the evidence on augmentations wrong, and what can it see? With simulated studies.

    python benchmarks/calibrate_evidence.py [--studies 2000] [--store RESULTS] [--out FOLDER]

A study is what search_augment.py does, from screen to verdicts: candidates at a few strengths meet
none on set search, the best of them and a harmful control meet none on set confirm, and
the evidence says of them what it says of real fits. Only the fits are simulated, from the
parts that make their errors (``fkd_core.evidence.components``): their sizes are stated there, and
``--store`` takes them from the fits below RESULTS instead.

Prints, and writes as calibration.csv with --out:

* the share of studies with any false verdict where no candidate does anything (A/A), where
  candidates move faces either way, and where they act on each deal of the faces in its own way,
  with a deal a round and with the two of earlier versions; goal: above 3% and under 5%;
* how often 95% intervals hold the truth; goal: 94% to 96%;
* how often a true effect is called helpful, by its size and the number of pairs, among
  candidates that do nothing. ``--picture`` draws that curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from rich.console import Console
from scipy import stats

from fkd_core import command, needs
from fkd_core.errors import UserError
from fkd_core.evidence import Comparison, Estimate, judge
from fkd_core.evidence.components import Components
from fkd_core.evidence.grouped import GroupedErrors
from fkd_core.evidence.twoway import two_way
from fkd_core.fitting.store import FitStore
from fkd_core.needs import Need
from fkd_core.options import check_counts
from fkd_core.protocols.noise import confirmed, measured
from fkd_core.report.sheet import Sheet

Array = NDArray[np.float64]
COORDINATES = 30
BATCH = 40
"""Studies simulated at once; more need more memory, and are no faster."""
CONTROL = "mirror_without_swap"


@dataclass(frozen=True)
class Options:
    """What is simulated."""

    studies: int = 2000
    """A/A studies; the other kinds get a quarter of that each."""
    faces: int = 220
    """Faces of set confirm, and of set search: 219 of the demo's 545 with 15 points."""
    candidates: int = 12
    """Augmentations that are screened."""
    strengths: int = 3
    confirmed: int = 8
    pairs: int = 10
    """Of the confirmation."""
    effects: tuple[float, ...] = (-0.03, -0.05, -0.08, -0.12, -0.2)
    """True effects of the power curve, px."""
    power_pairs: tuple[int, ...] = (4, 6, 10, 16)
    parts: Components = field(default_factory=Components)
    store: Path | None = None
    """Results folder whose augmentation fits the parts are estimated from."""
    out: Path | None = None
    """Folder for calibration.csv."""
    picture: Path | None = None
    """The power curve is drawn to this file, .png, .svg or .pdf; that takes a Chromium."""
    seed: int = 0

    @property
    def needs(self) -> list[Need]:
        """What must be there besides files."""
        if self.picture is None:
            return []
        remedy = "install chromium or Google Chrome"
        return [
            needs.writable(self.picture.parent, "--picture"),
            Need("--picture", lambda: "" if browser() else "no browser is here", remedy),
        ]

    def check(self) -> None:
        """Raises UserError for a number that cannot be."""
        counts = {"studies": 1, "faces": 2, "candidates": 1, "strengths": 1, "confirmed": 1}
        check_counts(vars(self), pairs=2, **counts)


@dataclass(frozen=True, eq=False)
class Scored:
    """S studies' faces, and who holds them out; every study has a control and `a` treatments."""

    difficulty: Array
    """[S, G] px"""
    held: NDArray[np.bool_]
    """[S, k, G]"""
    deal: NDArray[np.intp]
    """[k] the deal each pair's training faces come from."""

    def errors(self, random: np.random.Generator, parts: Components, effects: Array) -> Array:
        """[S, 1 + a, k, G] squared errors, the control's first. `effects` [a] are shares of every
        face's error; each treatment has reactions and parts of a deal of its own."""
        (studies, k, groups), arms = self.held.shape, 1 + len(effects)
        treated = np.arange(arms) > 0
        reaction = random.normal(0, parts.reaction, (studies, arms, groups))
        deals = random.normal(0, parts.deal, (studies, arms, k))[:, :, self.deal]
        level = 1 + np.append(0, effects)[:, None] + treated[:, None] * deals
        level = level + random.normal(0, parts.fit, level.shape)
        cells = random.standard_t(parts.tails, (studies, arms, k, groups))
        cells *= parts.cell / np.sqrt(parts.tails / (parts.tails - 2))
        own = level[..., None] + (treated[:, None] * reaction)[:, :, None]
        own = np.maximum(own + np.clip(cells, -0.9, 3), 0.02) * self.difficulty[:, None, None]
        return np.asarray(COORDINATES * own**2 * self.held[:, None])

    def table(self, squared: Array) -> GroupedErrors:
        """What ``compare`` makes of fits."""
        return GroupedErrors(squared, COORDINATES * self.held[:, None].astype(float))


def scored(
    random: np.random.Generator,
    parts: Components,
    studies: int,
    groups: int,
    pairs: int,
    anew: bool = True,
) -> Scored:
    """Faces dealt into two folds: anew for each round, or once for all."""
    level = np.exp(random.normal(0, parts.difficulty, (studies, groups)) - parts.difficulty**2)
    rounds = -(-pairs // 2)
    order = random.permuted(np.tile(np.arange(groups), (studies, rounds, 1)), axis=2)
    first = order < groups // 2
    if not anew:
        first = np.repeat(first[:, :1], rounds, axis=1)
    held = np.stack([first, ~first], axis=2).reshape(studies, 2 * rounds, groups)[:, :pairs]
    deal = np.arange(pairs) if anew else np.arange(pairs) % 2
    return Scored(level * parts.rmse, held, deal)


def comparisons(table: GroupedErrors) -> list[list[Comparison]]:
    """Of each study, its treatments against its control: as ``compare`` does it, for many."""
    rmse, moves = table.rmse, table.moves
    differences = rmse[:, 1:] - rmse[:, :1]
    variance = two_way(differences, moves[:, 1:] - moves[:, :1])
    effect, se, own = differences.mean(axis=2), np.sqrt(variance.value), rmse.mean(axis=2)
    nothing = float("nan")
    return [
        [
            Comparison(
                effect=float(effect[s, t]),
                se=float(se[s, t]),
                freedom=float(variance.freedom[s, t]),
                resampled_se=nothing,
                pairs=rmse.shape[2],
                control_rmse=float(own[s, 0]),
                treatment_rmse=float(own[s, 1 + t]),
                control_train_rmse=0.3 * float(own[s, 0]),
                half_effect=nothing,
                differences=(),
            )
            for t in range(effect.shape[1])
        ]
        for s in range(len(effect))
    ]


def chosen(
    random: np.random.Generator, parts: Components, options: Options, studies: int
) -> NDArray[np.intp]:
    """[S, confirmed] who comes to confirmation: the best of the screen by two pairs, where nobody
    does anything."""
    on = scored(random, parts, studies, options.faces, 2)
    tried = np.zeros(options.candidates * options.strengths)
    rmse = on.table(on.errors(random, parts, tried)).rmse.mean(axis=2)
    best = rmse[:, 1:].reshape(studies, options.candidates, -1).min(axis=2)
    return np.argsort(best, axis=1)[:, : options.confirmed]


@dataclass(frozen=True)
class Judged:
    """A study's end."""

    comparisons: dict[str, Comparison]
    verdicts: dict[str, str]


def studies(
    random: np.random.Generator, parts: Components, options: Options, count: int, anew: bool = True
) -> list[Judged]:
    """From screen to verdicts, where no candidate does anything on average."""
    candidates = [f"candidate {n}" for n in range(options.candidates)]
    effects = np.append(np.zeros(options.confirmed), 2.0)  # the last is known to do harm
    found = []
    for first in range(0, count, BATCH):
        batch = min(BATCH, count - first)
        who = chosen(random, parts, options, batch)
        on = scored(random, parts, batch, options.faces, options.pairs, anew)
        every = comparisons(on.table(on.errors(random, parts, effects)))
        for own, numbers in zip(every, who, strict=True):
            names = [*(candidates[n] for n in numbers), CONTROL]
            of_study = dict(zip(names, own, strict=True))
            verdicts = judge(of_study, candidates, {})
            found.append(Judged(of_study, {v.transform: v.verdict for v in verdicts}))
    return found


def size(name: str, judged: Sequence[Judged]) -> dict[str, Any]:
    """How often these studies are wrong."""
    false = sum(
        any(verdict in ("helpful", "harmful") for n, verdict in j.verdicts.items() if n != CONTROL)
        for j in judged
    )
    own = [c for j in judged for n, c in j.comparisons.items() if n != CONTROL]
    low, high = stats.binomtest(false, len(judged)).proportion_ci(method="wilson")
    return {
        "candidates": name,
        "studies": len(judged),
        "any false verdict": Estimate(false / len(judged), float(low), float(high)),
        "p < 0.05": float(np.mean([c.p < 0.05 for c in own])),
        "95% intervals hold 0": float(np.mean([c.low <= 0 <= c.high for c in own])),
        "harmful control found": float(
            np.mean([j.verdicts[CONTROL] == "harmful" for j in judged])
        ),
    }


def power(
    random: np.random.Generator, parts: Components, options: Options, effect: float, pairs: int
) -> float:
    """How often such an effect is called helpful at the first step of Holm's, as one of those
    that were confirmed, once the harmful control is found."""
    on = scored(random, parts, max(50, options.studies // 5), options.faces, pairs)
    table = on.table(on.errors(random, parts, np.array([effect / parts.rmse])))
    found = [c.p * options.confirmed < 0.05 and c.effect < 0 for (c,) in comparisons(table)]
    return float(np.mean(found))


def curve(rows: Sequence[dict[str, Any]], caption: str) -> go.Figure:
    """Power over effects, a line a number of pairs."""
    figure = go.Figure()
    for pairs in dict.fromkeys(row["pairs"] for row in rows):
        own = [row for row in rows if row["pairs"] == pairs]
        figure.add_scatter(
            x=[-row["effect, px"] for row in own],
            y=[100 * row["called helpful"] for row in own],
            mode="lines+markers",
            name=f"{pairs} pairs",
        )
    figure.add_hline(80, line_dash="dot", line_color="#9aa0a6")
    figure.update_layout(
        template="plotly_white",
        width=760,
        height=430,
        title={"text": "How often a true effect is called helpful", "x": 0.01},
        xaxis_title=f"fall of the error, px<br><sup>{caption}</sup>",
        yaxis={"title": "% of studies", "range": [0, 101]},
        margin={"l": 60, "r": 20, "t": 50, "b": 90},
    )
    return figure


def browser() -> str | None:
    """The one that draws pictures, as kaleido finds it."""
    from choreographer.browsers.chromium import Chromium

    return Chromium.find_browser(skip_local=False)


def main(options: Options) -> None:
    """Simulates the studies, and prints what came out."""
    console = Console(width=130, highlight=False)
    parts = options.parts
    if options.store:
        known = measured(confirmed(FitStore(options.store / "fits", look_only=True)))
        if known is None:
            raise UserError(f"{options.store} has no arms with two rounds of pairs on set confirm")
        parts, arms = known
        console.print(f"Quiet arms found below {options.store}: {arms}.")
    console.print("Parts: " + ", ".join(f"{n} {v:.3g}" for n, v in asdict(parts).items()))
    random = np.random.default_rng(options.seed)
    few = max(50, options.studies // 4)
    moved = replace(parts, reaction=0.05)
    dealt = replace(parts, deal=0.015)
    null = replace(parts, reaction=0.0, deal=0.0)
    sizes = [
        size("A/A", studies(random, null, options, options.studies)),
        size("move faces by 5%", studies(random, moved, options, few)),
        size("act on deals by 1.5%", studies(random, dealt, options, few)),
        size("the same, two deals", studies(random, dealt, options, few, anew=False)),
    ]
    powers = [
        {
            "pairs": pairs,
            "effect, px": effect,
            "called helpful": power(random, null, options, effect, pairs),
            "foreseen": null.power(effect, options.faces, pairs, 2, 0.05 / options.confirmed),
        }
        for pairs in options.power_pairs
        for effect in options.effects
    ]
    sheets = (
        Sheet("calibration", f"Where no candidate does anything, {options.pairs} pairs", sizes),
        Sheet("power", f"A true effect among {options.confirmed} that were confirmed", powers),
    )
    for sheet in sheets:
        console.print(sheet.shown())
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            sheet.write(options.out)
    if options.picture is not None:
        caption = f"{options.faces} faces, error {parts.rmse:g} px; simulated"
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        curve(powers, caption).write_image(options.picture, scale=2)  # takes a Chromium


if __name__ == "__main__":
    command.run(main, Options)
