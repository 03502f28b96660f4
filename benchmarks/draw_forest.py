"""Draws the picture at the top of README.md: the effect of each augmentation.

    python experiments/search_augment.py --data FOLDER
    python benchmarks/draw_forest.py --data FOLDER [--out docs/forest.png]

It is the figure of the run's page, in its wide form and light colours, with what made it below.
Paths are left out: of --data FOLDER stays. Takes a Chromium.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from fkd_core import command
from fkd_core.errors import UserError
from fkd_core.files import whole_file
from fkd_core.report.augmentation import read_verdicts
from fkd_core.report.page.section import told
from fkd_core.report.page.style import STYLE
from fkd_core.report.page.verdicts import forest
from fkd_core.runs import run_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, TIMES, MARGIN = 900, 2, 24
COLOURS = 64
"""Of the picture: it has a few, and a page loads it first."""


@dataclass(frozen=True)
class Drawing:
    """Options of this script."""

    data: Path | None = None
    """The data of the run; without it, the demo faces."""
    results: Path = Path("results")
    """Folder of the runs."""
    run: str | None = None
    """Name of the run; without it, this data's."""
    pipeline: str = "complete"
    """Whose verdicts."""
    out: Path = Path("docs/forest.png")
    """The picture."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""
        run_of(self.results, self.data, self.run)


def bare(line: str) -> str:
    """The command without what belongs to one machine: its folders."""
    words, kept = iter(shlex.split(line)), list[str]()
    for word in words:
        if word in ("--results", "--storage", "--address"):
            next(words, None)
        elif word == "--data":
            next(words, None)
            kept += [word, "FOLDER"]
        else:
            kept.append(word)
    return " ".join(kept)


def page(figure: str, made_by: Mapping[str, Any], title: str) -> str:
    """The figure alone, in light colours, with what made it."""
    wide = re.sub(r'<div class="narrow">.*', "", figure, flags=re.DOTALL)
    light = re.sub(r"@media \(prefers-color-scheme:dark\)\{:root\{.*?\}\}", "", STYLE, flags=re.S)
    origin = f"<code>{escape(bare(str(made_by.get('command', ''))))}</code> · {told(made_by)}"
    body = f'<figure class="figure"><h3>{escape(title)}</h3>{wide}<p class="made">{origin}</p>'
    own = f"<style>body{{width:{WIDTH}px;margin:{MARGIN}px}} .made{{margin-top:1.2em}}</style>"
    return f'<!doctype html><meta charset="utf-8">{light}{own}{body}</figure>'


def photographed(html: str, browser: str, tall: int) -> Image.Image:
    """What a browser shows of the page, without the empty border."""
    with tempfile.TemporaryDirectory(prefix="fkd-forest-") as folder:
        shown, taken = Path(folder) / "page.html", Path(folder) / "page.png"
        shown.write_text(html, encoding="utf-8")
        size = f"{WIDTH + 2 * MARGIN},{tall}"
        subprocess.run(
            [
                browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--user-data-dir={folder}/profile", f"--force-device-scale-factor={TIMES}",
                f"--window-size={size}", f"--screenshot={taken}", shown.as_uri(),
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        whole = Image.open(taken).convert("RGB")
    box = ImageOps.invert(whole).getbbox()
    return ImageOps.expand(whole.crop(box), TIMES * MARGIN, "white")


def main(options: Drawing) -> None:
    """Draw the effect of each augmentation."""
    run = run_of(options.results, options.data, options.run)
    suffix = "" if options.pipeline == "complete" else f"-{options.pipeline}"
    table = run.augmentation / f"verdicts{suffix}.csv"
    if not table.is_file():
        raise UserError(f"{table} is not there; search_augment.py makes it")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UserError(f"no browser is here; install one of {', '.join(BROWSERS)}")
    config = json.loads((run.augmentation / "config.json").read_text(encoding="utf-8"))
    figure = forest(read_verdicts(table))
    drawn = re.search(r'viewBox="0 0 \d+ (\d+)"', figure)
    assert drawn is not None
    title = f"Effect of each augmentation on {options.pipeline} faces"
    html = page(figure, config["made_by"], title)
    picture = photographed(html, browser, 2 * int(drawn[1]) + 200)
    with whole_file(options.out) as path:
        picture.quantize(COLOURS).save(path, "PNG", optimize=True)
    print(f"{options.out}: {picture.width} x {picture.height}")


if __name__ == "__main__":
    command.run(main, Drawing)
