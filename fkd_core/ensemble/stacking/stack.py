"""Level 2 of one pipeline: stackers judged, one chosen, scored once, and refitted to ship."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fkd_core.ensemble.stacking.choice import Judged, chosen, explained, judge
from fkd_core.ensemble.stacking.features import Inputs
from fkd_core.ensemble.stacking.stacker import Fitted, Job, Run, Stacker, in_turn
from fkd_core.ensemble.table import Table
from fkd_core.evidence import Estimate, Pool, difference, rmse


@dataclass(frozen=True, eq=False)
class Stacked:
    """What came out, for n' faces of set final."""

    table: Table
    judged: Sequence[Judged]
    """Every stacker, by level-2 cross-validation on sets search and confirm."""
    name: str
    """Of the stacker that ships."""
    reason: str
    """What `auto` takes, and how sure that is."""
    final: Mapping[str, NDArray[np.float64]]
    """[n', p, 2] predictions of set final by every stacker, fitted on search and confirm."""
    lent: Mapping[str, Mapping[str, NDArray[np.float64]]]
    """By source whose faces are lent to this one's style: the same of them."""
    notes: Mapping[str, tuple[str, ...]]
    """What to know of these fits, by stacker: what was chosen, and how near the optimum it is."""
    shipped: Fitted
    """The chosen stacker, fitted on all faces."""

    def said(self, stacker: str) -> dict[str, NDArray[np.float64]]:
        """By source in ``Table.scored``, what this stacker says of set final."""
        lent = {source: by_stacker[stacker] for source, by_stacker in self.lent.items()}
        return {self.table.pipeline: self.final[stacker], **lent}

    @property
    def tests(self) -> NDArray[np.float64]:
        """[m, p, 2] pixels: what ships, of the test images; m is 0 where there are none."""
        if not self.table.test.shape[1]:
            return np.empty((0, *self.table.test.shape[2:]))
        return _points(self.shipped.predict(self.table.test_inputs()))

    @property
    def spread(self) -> float | None:
        """Variance of a test coordinate over the parts that ship, the fits of each fold or each
        refit, px^2, on average: by so much their mean errs less than one of them. None where there
        are no test images, or where there is one part."""
        parts, _, images, *_ = self.table.by_part.shape
        if parts == 1 or not images:
            return None
        inputs = [self.table.test_inputs(part) for part in range(parts)]
        return float(np.var([self.shipped.predict(each) for each in inputs], axis=0).mean())


def stack(
    table: Table,
    stackers: Mapping[str, Stacker],
    asked: str = "auto",
    *,
    folds: int = 5,
    seed: int = 0,
    run: Run = in_turn,
    on_done: Callable[[str, float], None] | None = None,
) -> Stacked:
    """Judges the stackers and takes the one `asked` for; ``auto`` takes the best that beats the
    plain mean with confidence, or else the mean. `run` does the fits."""
    rows = table.chosen_on
    judged = judge(
        stackers,
        table.inputs().take(rows),
        table.targets[rows],
        table.group[rows],
        folds=folds,
        seed=seed,
        run=run,
        on_done=on_done,
    )
    name = chosen(judged).name if asked == "auto" else asked
    everyone = np.ones_like(rows)
    ((shipped, _),) = run([job(stackers[name], table, everyone)])
    done = run([job(stacker, table, rows) for stacker in stackers.values()])
    fitted = {each: one for each, (one, _) in zip(stackers, done, strict=True)}
    return Stacked(
        table=table,
        judged=judged,
        name=name,
        reason=explained(judged),
        final={each: final_said(one, table) for each, one in fitted.items()},
        lent={
            source: {each: final_said(one, theirs) for each, one in fitted.items()}
            for source, theirs in table.lent.items()
        },
        notes={each: one.notes for each, one in fitted.items()},
        shipped=shipped,
    )


def job(
    stacker: Stacker, table: Table, rows: NDArray[np.bool_], inputs: Inputs | None = None
) -> Job:
    """To fit the stacker on those of these rows [n] whose labels are all given."""
    rows = rows & np.isfinite(table.targets).all(axis=1)
    seen = table.inputs() if inputs is None else inputs
    return Job(stacker, seen.take(rows), table.targets[rows], table.group[rows])


def final_said(fitted: Fitted, table: Table) -> NDArray[np.float64]:
    """[n', p, 2] predictions of the table's faces of set final, by what was fitted on others."""
    return _points(fitted.predict(table.inputs().take(~table.chosen_on)))


def on_final(
    stacker: Stacker, table: Table, inputs: Sequence[Inputs], run: Run = in_turn
) -> list[NDArray[np.float64]]:
    """[n', p, 2] predictions of set final by the stacker, fitted on search and confirm; once for
    each of these inputs."""
    rows = table.chosen_on
    jobs = [job(stacker, table, rows, own) for own in inputs]
    done = zip(run(jobs), inputs, strict=True)
    return [_points(fitted.predict(own.take(~rows))) for (fitted, _), own in done]


def _points(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, p, 2] from [n, 2p]."""
    return flat.reshape(len(flat), -1, 2)


@dataclass(frozen=True)
class Contribution:
    """What one member brings."""

    member: str
    out_of_fold: float
    """RMSE on all faces, px; flatters where the model was tuned on some of them."""
    final: Estimate
    """RMSE on set final, px."""
    tta: Estimate
    """What test-time augmentation changes on set final, px; negative is better."""
    correlation: float
    """Mean correlation of its errors with each other member's; NaN where it is alone."""
    left_out: Estimate | None
    """RMSE of the ensemble without it minus with it, on set final, px: what it contributes."""


def contributions(stacked: Stacked, stacker: Stacker, run: Run = in_turn) -> list[Contribution]:
    """One a member, in order; `stacker` is the one that ships."""
    table = stacked.table
    final, members = ~table.chosen_on, range(len(table.members))
    whole = table.final_pool(stacked.final[stacked.name])
    alone = len(members) == 1
    without = [] if alone else [table.inputs().without(member) for member in members]
    rest = on_final(stacker, table, without, run)
    left_out = [difference([table.final_pool(points)], [whole]) for points in rest]
    found = []
    for number in members:
        own = table.final_pool(table.own[number][final])
        plain = table.final_pool(table.plain[number][final])
        everywhere = Pool.of_points(table.own[number], table.truth, table.group)
        found.append(
            Contribution(
                member=table.members[number],
                out_of_fold=float(np.sqrt(everywhere.mse)),
                final=rmse([own]),
                tta=difference([own], [plain]),
                correlation=float("nan") if alone else _correlation(table, number),
                left_out=None if alone else left_out[number],
            )
        )
    return found


def _correlation(table: Table, number: int) -> float:
    """Of errors at labelled coordinates, with every other member's, on average."""
    error = (table.own - table.truth)[:, np.isfinite(table.truth)]
    matrix = np.corrcoef(error)
    return float(np.delete(matrix[number], number).mean())
