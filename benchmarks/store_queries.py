"""How fast a FitStore with many fits in it opens, lists, queries and reads.

    python benchmarks/store_queries.py [FITS]

Prints the time to write the fits (predictions of 400 faces each, 48 kB), to list them without an
index and with it, to query, and to read one. Seeds: none, the content does not matter.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fkd_core.fitting.store import FitStore


def timed(what: str, action: Callable[[], Any]) -> Any:
    """Runs the action and prints its seconds."""
    start = time.perf_counter()
    result = action()
    print(f"{what:<44}{time.perf_counter() - start:9.4f} s")
    return result


def main(fits: int) -> None:
    """Measures a store of this many fits in a temporary folder."""
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(fits)]
    predictions = np.zeros((400, 15, 2), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        store = FitStore(Path(folder))

        def write() -> None:
            for number, key in enumerate(keys):
                summary = {"model": "lenet5", "fold": number % 5, "seed": number, "rmse": 3.1}
                store.put(key, {"summary": summary}, {"predictions": predictions})

        timed(f"put {fits} fits", write)
        timed("open", lambda: FitStore(Path(folder)))
        assert len(timed("list", store.rows)) == fits
        assert len(timed("query by fold", lambda: store.rows(fold=3))) == len(range(3, fits, 5))
        timed("get one", lambda: store.get(keys[0]))
        timed("is every key in it (all verified)", lambda: all(key in store for key in keys))
        (Path(folder) / "index").unlink()
        assert len(timed("list, index rebuilt from the files", store.rows)) == fits


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
