"""The page of a run, put together from its sections, and written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from fkd_core.files import write_text
from fkd_core.options import without_passwords
from fkd_core.report.page.answer import answer
from fkd_core.report.page.compared import comparison_section
from fkd_core.report.page.costs import cost_section
from fkd_core.report.page.curves import curve_section
from fkd_core.report.page.faces import keypoint_section, test_section, worst_section
from fkd_core.report.page.found import Found
from fkd_core.report.page.labels import label_section
from fkd_core.report.page.members import member_section
from fkd_core.report.page.policies import policy_section
from fkd_core.report.page.scores import promise_section, score_section
from fkd_core.report.page.searches import search_section
from fkd_core.report.page.section import Figure, Section, command_of, shown, told
from fkd_core.report.page.style import STYLE
from fkd_core.report.page.verdicts import verdict_section
from fkd_core.report.page.words import glossary
from fkd_core.runs import DEMO

_MAKERS = (
    score_section, verdict_section, policy_section, search_section, curve_section,
    keypoint_section, worst_section, label_section, test_section, member_section,
    promise_section, cost_section,
)  # fmt: skip


def page(run: Found, other: Found | None = None) -> str:
    """The whole HTML; with another run, both are compared first."""
    made: list[Section | None] = [comparison_section(run, other)] if other else []
    made += [maker(run) for maker in _MAKERS]
    sections = [section for section in made if section is not None]
    sections.append(_provenance(run, sections))
    title = f"Facial keypoints: {run.places.run.folder.resolve().name}"
    body = answer(run) + "".join(section.html() for section in sections)
    links = "".join(
        f'<a href="#{name}">{escape(words)}</a>'
        for name, words in [
            ("answer", "What was found"),
            *((section.name, section.title) for section in sections),
            ("words", "Words"),
        ]
    )
    now = datetime.now().isoformat(" ", "minutes")
    again = shown(command_of("report", run.options))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>{STYLE}</head><body>'
        f"<header><h1>{escape(title)}</h1>{_subject(run)}<nav>{links}</nav></header>"
        f"<main>{body}{glossary(body)}</main>"
        f"<footer><p>Written on {now}. To write it again: <code>{again}</code></p></footer>"
        f"{_SCRIPT}</body></html>\n"
    )


def write_page(path: Path, run: Found, other: Found | None = None) -> Path:
    """Writes the page; gives its path."""
    write_text(path, page(run, other))
    return path


_SCRIPT = (
    "<script>addEventListener('beforeprint',()=>document.querySelectorAll('details')"
    ".forEach(d=>d.open=true))</script>"
)
"""On paper everything is unfolded."""


def _subject(run: Found) -> str:
    faces = f"{len(run.faces):,} faces" if run.faces else "faces that cannot be read now"
    data = run.options.get("data")
    whose = str(data) if data else run.places.run.name
    if not data and run.places.run.name == DEMO:
        whose = "the demo faces, drawn by this program, no photographs"
    made = [run.made_by(name) for name in ("ensemble", "tuning", "augmentation", "audit")]
    days = sorted({str(each["date"]) for each in made if "date" in each})
    day = f" · {days[0]}" if len(days) == 1 else f" · {days[0]} to {days[-1]}" if days else ""
    return (
        f'<p class="lead">{escape(faces)}: {escape(whose)}{escape(day)}. All errors are in pixels '
        "of the 96 x 96 picture; lower is better.</p>"
    )


def _provenance(run: Found, sections: Sequence[Section]) -> Section:
    """Which command made which figure, and how it is made again."""
    made = [figure for section in sections for figure in section.figures if figure.made_by]
    by_command: dict[str, list[Figure]] = {}
    for figure in made:
        assert figure.made_by is not None
        by_command.setdefault(str(figure.made_by.get("command", "?")), []).append(figure)
    parts = []
    for command, figures in by_command.items():
        names = "; ".join(figure.title for figure in figures)
        parts.append(
            f"<pre><code>{shown(command)}</code></pre>"
            f'<p class="made">{escape(told(figures[0].made_by or {}))}</p>'
            f'<p class="read">{escape(names)}.</p>'
        )
    figures = [Figure("", "".join(parts))] if parts else []
    words = [
        "Each figure names its command. What is kept is not done again, so a repeated command "
        "takes seconds; figures without one are drawn from the store of all fits.",
    ]
    if run.studies:
        words.append(
            "Trials with their own pages: optuna-dashboard --artifact-dir "
            f"{run.places.results / 'artifacts'} {without_passwords(run.places.storage_url)}"
        )
    return Section("provenance", "Where figures come from", words, figures)
