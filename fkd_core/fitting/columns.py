"""Rows of scalars as columns: a hundred thousand of them are read in a fraction of a second.

Rows that have the same fields with values of the same types form a block; a block's numbers are
arrays, its texts numbers of a list in which each stands once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]


def to_columns(rows: Sequence[Row]) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    """What is kept as JSON, a mapping a block, and what as arrays."""
    blocks: dict[tuple[tuple[str, type], ...], list[Row]] = defaultdict(list)
    for row in rows:
        blocks[tuple((name, type(value)) for name, value in row.items())].append(row)
    told, arrays = list[dict[str, Any]](), dict[str, NDArray[Any]]()
    for number, (shape, block) in enumerate(blocks.items()):
        lists: dict[str, Any] = {}
        for name, kind in shape:
            values = [row[name] for row in block]
            if kind is float or (kind is int and max(map(abs, values)) < 2**63):
                arrays[f"{number}/{name}"] = np.array(values, np.float64 if kind is float else int)
            elif kind is str:
                texts = {text: code for code, text in enumerate(dict.fromkeys(values))}
                lists[name] = list(texts)
                arrays[f"{number}/{name}"] = np.array([texts[v] for v in values], np.int32)
            else:
                lists[name] = values
        told.append({"names": [name for name, _ in shape], "lists": lists})
    return told, arrays


def from_columns(
    told: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]
) -> list[Row]:
    """The rows again, block by block."""
    rows: list[Row] = []
    for number, block in enumerate(told):
        names, columns = block["names"], []
        for name in names:
            array, values = arrays.get(f"{number}/{name}"), block["lists"].get(name)
            if array is None:
                columns.append(values)
            elif values is None:
                columns.append(array.tolist())
            else:
                columns.append([values[code] for code in array.tolist()])
        rows.extend(dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return rows
