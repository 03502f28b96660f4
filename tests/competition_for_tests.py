"""The competition's files with three faces, as bytes and as a folder, for tests of reading."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from fkd_core.keypoints import COLUMNS

HEADER = ",".join((*COLUMNS, "Image"))
RANDOM = np.random.default_rng(5).integers(0, 256, (4, 9216))
PIXELS = [" ".join(map(str, row)) for row in RANDOM]
POINTS = ",".join(f"{30 + k / 2}" for k in range(30))
ROWS = [f"{POINTS},{pixels}" for pixels in PIXELS[:3]]
TEST = ["ImageId,Image", f"1,{PIXELS[3]}", f"7,{PIXELS[0]}"]
LOOKUP = [
    "RowId,ImageId,FeatureName,Location",
    "1,1,nose_tip_x,",
    "2,1,nose_tip_y",
    "3,7,nose_tip_x,",
]
SAMPLE = ["RowId,Location", "1,0", "2,0", "3,0"]


def text(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


FILES = {
    "training.csv": text(HEADER, *ROWS),
    "test.csv": text(*TEST),
    "IdLookupTable.csv": text(*LOOKUP),
    "SampleSubmission.csv": text(*SAMPLE),
}
"""The whole competition, by name."""


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return packed.getvalue()


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
