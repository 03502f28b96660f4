"""What a built ensemble becomes for those who use it: trained members and stackers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fkd_core.ensemble.compact import compact
from fkd_core.ensemble.members import of_source
from fkd_core.ensemble.out_of_fold import OutOfFold
from fkd_core.ensemble.questions import weights_of
from fkd_core.ensemble.stacking.stack import Stacked
from fkd_core.ensemble.trained import Half, TrainedFit, TrainedMember
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
                    None if ensemble.refit else each.table.rmse_mirrored(member.name),
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
    """Every half within its equal share of so many megabytes, chosen on sets search and confirm.

    Raises UserError where not even one fit is within it.
    """
    found = []
    for half in halves:
        table = stacked[half.pipeline].table
        rows = table.chosen_on
        kept = compact(
            {member.name: BYTES * _parameters(member, fits) for member in half.members},
            table.inputs().own[rows].swapaxes(0, 1),
            table.targets[rows],
            table.group[rows],
            int(megabytes * 1e6 / len(halves)),
            len(half.members[0].fits),
        )
        own = [table.own[table.members.index(name)][~rows] for name in kept.fits]
        whole = table.final_pool(stacked[half.pipeline].final[stacked[half.pipeline].name])
        cost = difference([table.final_pool(np.mean(own, axis=0))], [whole])
        found.append(Shrunk(kept.of(half), kept.fits, kept.size / 1e6, cost))
    return found


def _parameters(member: TrainedMember, fits: Fits) -> int:
    result = fits.get(member.spec)
    return result.parameters if isinstance(result, FitResult) else 0
