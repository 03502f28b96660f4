"""What Tune starts for a trial: a light process beside the driver that has the fits done.

Such processes come and go with the trials, so this module imports next to nothing but Tune itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.tune import Trainable

from fkd_core.fitting.result import Progress
from fkd_core.running.pool import Lost, answer
from fkd_core.running.worker import Told


@dataclass(frozen=True, repr=False)
class Answer:
    """What was told, on its way through Tune, which writes every result out for a log that
    nobody reads: the arrays would take it longer than all else."""

    told: Told | Lost


class Proxy(Trainable):  # type: ignore[misc]
    """A Tune trial: has the fits of one configuration done, a step to every look at one."""

    def setup(self, config: dict[str, Any], seconds: float | None, held: Sequence[Any]) -> None:
        """Takes a trial; `seconds` is the hard limit of one fit, `held` the session's faces."""
        self._limit, self._held = seconds, held
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next trial."""
        self._worker = ray.get_actor(new_config["worker"])
        self._specs, self._done = new_config["specs"], 0
        self._took = 0.0  # seconds of the fit it is at, on this worker
        self._pauses = new_config["looks"], new_config["seconds"]
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Tune asks for one at a trial's end; the store has it all."""
        return {"done": self._done}

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to load: a repeated fit gives the same result."""

    def step(self) -> dict[str, Any]:
        """Has the next fit done, as far as its next look; the scheduler says when it is over."""
        looks, seconds = self._pauses
        if self._done:
            looks = []  # a trial's first fit alone is looked at on its way
        began = time.monotonic()
        call = self._worker.fit.remote(self._specs[self._done], looks, seconds, held=self._held)
        try:
            told = answer(call, self._limit, self._took)
        except ray.exceptions.RayTaskError as error:  # a fault of the program: no use repeating it
            told = Lost(str(error).strip().splitlines()[-1], repeat=False)
        self._took += time.monotonic() - began
        if not isinstance(told, Progress | Lost):
            self._done, self._took = self._done + 1, 0.0
        return {"fits": self._done, "answer": Answer(told)}
