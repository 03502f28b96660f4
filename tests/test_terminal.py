"""What is done is said before anybody wonders, once, and as it is."""

from __future__ import annotations

import io

from rich.console import Console

from fkd_core.terminal import Doing


def test_a_log_has_a_line_where_nothing_was_said_for_a_while_or_a_step_is_long() -> None:
    out, clock = io.StringIO(), [0.0]
    doing = Doing(Console(file=out, markup=False, width=130), now=lambda: clock[0])
    with doing:
        doing.step("1 of 9: searching a.png")
        doing.step("predicting 1 face", 10.0)
        doing.say("a.png: 1 face")
        clock[0] += 1.0
        doing.step("2 of 9: searching b.png")
        clock[0] += 2.5
        doing.step("3 of 9: searching [c].png")
    assert out.getvalue().splitlines() == [
        "  1 of 9: searching a.png",
        "  predicting 1 face",
        "a.png: 1 face",
        "  3 of 9: searching [c].png",
    ]


def test_a_terminal_has_it_beside_a_spinner_that_goes() -> None:
    out = io.StringIO()
    console = Console(file=out, highlight=False, markup=False, width=130, force_terminal=True)
    with Doing(console) as doing:
        doing.step("searching [c].png", 10.0)
        doing.say("[c].png: 1 face")
    assert "searching [c].png" in out.getvalue()
    assert "\n  searching" not in out.getvalue()
    assert "[c].png: 1 face\n" in out.getvalue()
