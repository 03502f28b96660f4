"""In which order calls are made of which some come after others."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Order:
    """Calls 0..n-1, of which a call that comes `after` another waits for that one's result.

    Half of the workers at most go on with what nothing else waits for while there is other work.
    If all of them followed each chain to its end, the last chain would be one worker's; if all
    made the first parts of every chain first, all last parts, the longest ones, would be left for
    the end.
    """

    def __init__(self, calls: int, after: Mapping[int, int] | None = None) -> None:
        self._after = after or {}
        self._awaited = {*self._after.values()}
        self._waiting = list(range(calls))
        self._ended: set[int] = set()

    def __bool__(self) -> bool:
        """Whether a call is left to be made."""
        return bool(self._waiting)

    def following(self, running: Collection[int], workers: int) -> int | None:
        """The call to be made next while these run on so many workers; None where all that are
        left wait for others."""
        ready = [n for n in self._waiting if n not in self._after or self._after[n] in self._ended]
        last = sum(n not in self._awaited for n in running)
        wanted = 2 * last >= workers
        return min(ready, key=lambda n: (n in self._awaited) != wanted, default=None)

    def begin(self, call: int) -> None:
        """It is made now."""
        self._waiting.remove(call)

    def repeat(self, call: int) -> None:
        """It was lost, and is the first to be made again."""
        self._waiting.insert(0, call)

    def end(self, call: int) -> None:
        """Its result is there."""
        self._ended.add(call)
