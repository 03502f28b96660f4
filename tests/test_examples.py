"""The notebook runs from its first cell to its last."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from short_runs import knowing

NOTEBOOK = Path(__file__).parents[1] / "examples" / "quickstart.ipynb"
EFFORT = 'EFFORT = {"preset": "smoke"}'
TINY = 'EFFORT = {"preset": "smoke", "epochs": 1, "faces": 60}'
STYLE = "other_style=True"
QUICK = 'other_style=True, stacker="ridge"'


def cells() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        assert not cell.get("outputs"), "outputs are not kept"
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]


def run(cell: str, names: dict[str, Any]) -> Any:
    """Runs a cell and gives the value of its last expression, as a notebook does."""
    *before, last = ast.parse(cell).body
    exec(compile(ast.Module(before, []), str(NOTEBOOK), "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)
    return exec(compile(ast.Module([last], []), str(NOTEBOOK), "exec"), names)


def test_every_cell_is_python_and_what_it_imports_is_there() -> None:
    names: dict[str, Any] = {}
    for cell in cells():
        tree = ast.parse(cell)
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(compile(ast.Module([node], []), str(NOTEBOOK), "exec"), names)
    assert "Workspace" in names


@pytest.mark.slow
def test_the_notebook_runs_to_its_end(
    tmp_path: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    knowing(drawn, tmp_path / "results")
    if backend != "tensorflow":
        pytest.skip("a workspace's fits run under TensorFlow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    first, *others = cells()
    assert EFFORT in first
    names: dict[str, Any] = {}
    shape = run(first.replace(EFFORT, TINY), names)
    assert shape[1:] == (96, 96)
    assert sum(STYLE in cell for cell in others) == 1
    shown = [run(cell.replace(STYLE, QUICK), names) for cell in others]
    *_, board, (x, y), points, photo = shown
    assert 0 < names["result"].rmse < 60
    assert set(names["searched"]["complete"].policy.to_json()) >= {"steps"}
    assert names["built"].submission.is_file()
    score = names["built"].score
    assert score.low <= score.value <= score.high
    assert {"ensemble", "lenet5, tuned"} <= {*board["what"]}
    assert 0 <= x <= 96
    assert 0 <= y <= 96
    assert points["keypoint"].tolist()[0] == "left_eye_center"
    assert photo._repr_png_()[:4] == b"\x89PNG"
    assert (tmp_path / "face-keypoints.png").is_file()
