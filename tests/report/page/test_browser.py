"""The page as a person sees it, in a real browser: wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_for_tests import MISSING, Browser, browser
from made_up_run import audited, combined, competition_of, searched, tuned

from fkd_core.data.faces import Faces
from fkd_core.report.page.found import gather
from fkd_core.report.page.page import write_page
from fkd_core.report.page.writing import places_of

pytestmark = pytest.mark.skipif(MISSING, reason="no Chromium with its driver here")

FAINT = """
const seen = [], lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 :
  Math.pow((v + .055) / 1.055, 2.4)); return .2126 * r + .7152 * g + .0722 * b; };
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const behind = node => { for (; node; node = node.parentElement) {
  const c = rgb(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
  return [255, 255, 255]; };
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || ['SCRIPT', 'STYLE', 'title'].includes(node.tagName) ||
      !node.getClientRects().length) continue;
  const style = getComputedStyle(node);
  const ink = node instanceof SVGElement ? style.fill : style.color;
  const [a, b] = [lum(rgb(ink).slice(0, 3)), lum(behind(node).slice(0, 3))];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) seen.push([walk.currentNode.data.trim(), ink, ratio]);
}
return seen;
"""
"""Text that stands out less than WCAG's level AA asks for."""

EMPTY = """
return [...document.querySelectorAll('svg')].filter(s => s.checkVisibility()).filter(s => {
  const box = s.getBoundingClientRect();
  return box.width < 40 || box.height < 30 || !s.querySelector('path, rect, circle, image') ||
    [...s.querySelectorAll('text')].some(t => /NaN|undefined|None/.test(t.textContent)) ||
    [...s.querySelectorAll('path')].some(p => /nan|inf/.test(p.getAttribute('d')));
}).map(s => s.outerHTML.slice(0, 300));
"""

OUTSIDE = """
const width = document.documentElement.clientWidth;
return [...document.querySelectorAll('svg text')].filter(t => t.checkVisibility()).filter(t => {
  const box = t.getBoundingClientRect(); return box.left < -1 || box.right > width + 1;
}).map(t => t.textContent);
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, faces: Faces) -> Path:
    results = tmp_path_factory.mktemp("results")
    searched(results, faces)
    tuned(results, faces, trials=40)
    audited(results, faces)
    options = combined(results, faces)
    path: Path = options.outcomes.folder / "report.html"
    return write_page(path, gather(places_of(options), competition_of(faces)))


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("downloads")) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_it_is_whole_and_can_be_read(
    window: Browser, written: Path, width: int, scheme: str
) -> None:
    window.look(written, width, scheme)
    window.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert window.run("return document.documentElement.scrollWidth") <= width
    assert window.run(EMPTY) == []
    assert window.run(OUTSIDE) == []
    assert window.run(FAINT) == []
    dark = "return getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'"
    assert window.run(dark) == (scheme == "dark")
    images = "return [...document.querySelectorAll('image')].length"
    assert window.run(images) > 100
    inside = "[...document.links].filter(a => a.hash)"
    gone = f"return {inside}.filter(a => !document.querySelector(a.hash)).length"
    assert window.run(gone) == 0
    assert window.log() == []
