"""What a built ensemble becomes for those who use it: trained members and stackers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fkd_core.ensemble.compact import Compact, compact
from fkd_core.ensemble.members import of_source
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.questions import weights_of
from fkd_core.ensemble.stacking.stack import Stacked
from fkd_core.ensemble.trained import Half, TrainedFit, TrainedMember
from fkd_core.errors import UserError
from fkd_core.evidence import Estimate, difference
from fkd_core.fitting.fits import Fits
from fkd_core.fitting.result import FitResult

BYTES = 4
"""Of a weight."""


def whole(ensemble: OutOfFold, stacked: Mapping[str, Stacked], fits: Fits) -> list[Half]:
    """Everything, one half a source; weights stay in the store until they are needed."""
    crossed = {name: [other for other in stacked if other != name] for name in stacked}
    return [
        Half(
            pipeline=name,
            members=tuple(
                TrainedMember(
                    tuple(
                        TrainedFit(spec, partial(weights_of, spec, fits))
                        for spec in ensemble.shipped(member)
                    ),
                    each.table.rmse_mirrored(member.name),
                )
                for member in of_source(ensemble.members, name)
            ),
            stacker=each.shipped,
            feeds=(name, *(crossed[name] if ensemble.crossed else ())),
        )
        for name, each in stacked.items()
    ]


@dataclass(frozen=True)
class Shrunk:
    """One half cut down to a size."""

    half: Half
    fits: Mapping[str, int]
    """Member to fits kept."""
    megabytes: float
    cost: Estimate
    """RMSE on set final of the plain mean of these members, less that of the whole, px."""


def shrunk(
    halves: Sequence[Half], stacked: Mapping[str, Stacked], fits: Fits, megabytes: float
) -> list[Shrunk]:
    """All of it within so many megabytes, chosen on sets search and confirm: halves whose members
    are the same, taught jointly, share all of it, as they share the fits; others have equal parts.

    Raises UserError where not even one fit is within it.
    """
    names = [{member.name: member.spec for member in half.members} for half in halves]
    if all(own == names[0] for own in names):
        chosen = [_smaller(halves, stacked, fits, megabytes)] * len(halves)
    else:
        part = megabytes / len(halves)
        try:
            chosen = [_smaller([half], stacked, fits, part) for half in halves]
        except UserError as error:
            each = f"{part:g} MB for each of {len(halves)} pipelines"
            raise UserError(f"{error}; {megabytes:g} MB are {each}") from error
    found = []
    for half, kept in zip(halves, chosen, strict=True):
        table = stacked[half.pipeline].table
        rows = table.chosen_on
        own = [table.own[table.members.index(name)][~rows] for name in kept.fits]
        whole = table.final_pool(stacked[half.pipeline].final[stacked[half.pipeline].name])
        cost = difference([table.final_pool(np.mean(own, axis=0))], [whole])
        found.append(Shrunk(kept.of(half), kept.fits, kept.size / 1e6, cost))
    return found


def _smaller(
    halves: Sequence[Half], stacked: Mapping[str, Stacked], fits: Fits, megabytes: float
) -> Compact:
    """What is kept of halves with the same members, by the errors of all points of all of them."""
    said, truth = [], []
    for half in halves:
        table = stacked[half.pipeline].table
        rows = table.chosen_on
        said.append(table.own[:, rows].reshape(len(table.members), -1, 2))
        truth.append(table.truth[rows].reshape(-1, 2))
    first = halves[0]
    return compact(
        {member.name: BYTES * _parameters(member, fits) for member in first.members},
        np.concatenate(said, axis=1).astype(np.float64),
        np.concatenate(truth).astype(np.float64),
        int(megabytes * 1e6),
        len(first.members[0].fits),
    )


def _parameters(member: TrainedMember, fits: Fits) -> int:
    result = fits.get(member.spec)
    return result.parameters if isinstance(result, FitResult) else 0
