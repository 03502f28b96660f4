"""best/<pipeline>/<model>.json: read back whole, and refused in one clear line otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from faces_for_tests import tiny_faces

from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.findings.best_config import read_best, write_best
from fkd_core.findings.provenance import provenance
from fkd_core.fitting.spec import FitSpec, Training
from fkd_core.models.conv5 import Conv5
from search_spaces.cascade import straightened

SPEC = FitSpec(Conv5.tiny(), "partial", training=Training(7), policy=Policy((Step("mirror"),)))


def test_the_spec_comes_back(tmp_path: Path, faces: Faces) -> None:
    path = write_best(tmp_path, "conv5", SPEC, {"rmse": 1.5}, provenance("quick", 0, faces))
    assert path == tmp_path / "partial" / "conv5.json"
    assert read_best(tmp_path, "partial", "conv5", faces)[0] == SPEC


def test_a_cascade_stands_beside_the_model_alone(tmp_path: Path, faces: Faces) -> None:
    chain = straightened(SPEC)
    for name, spec in (("conv5", SPEC), ("aligned-conv5", chain)):
        write_best(tmp_path, name, spec, {}, provenance("quick", 0, faces))
    assert read_best(tmp_path, "partial", "conv5", faces)[0] == SPEC
    assert read_best(tmp_path, "partial", "aligned-conv5", faces)[0] == chain


def test_one_of_other_pictures_is_refused(tmp_path: Path, faces: Faces) -> None:
    write_best(tmp_path, "conv5", SPEC, {}, provenance("quick", 0, tiny_faces(seed=5)))
    with pytest.raises(UserError, match="other pictures"):
        read_best(tmp_path, "partial", "conv5", faces)
    write_best(tmp_path, "conv5", SPEC, {}, provenance("quick", 0, faces))
    assert "on 56 faces with preset quick" in read_best(tmp_path, "partial", "conv5", faces)[1]


def test_it_says_how_it_was_cut_by_which_code_and_whether_of_a_smaller_preset(
    tmp_path: Path, faces: Faces
) -> None:
    made_by = provenance("quick", 0, faces, given={"gpu_hours": 0.5, "epochs": 2})
    write_best(tmp_path, "conv5", SPEC, {}, made_by | {"code": "1.2+abc"})
    for preset in ("smoke", "quick", "full"):
        _, said = read_best(tmp_path, "partial", "conv5", faces, preset)
        assert "preset quick, --gpu-hours 0.5, --epochs 2, by code 1.2+abc" in said
        assert ("a smaller run than one with preset full" in said) == (preset == "full")
    write_best(tmp_path, "conv5", SPEC, {}, {"pictures": made_by["pictures"]})
    _, said = read_best(tmp_path, "partial", "conv5", faces, "full")
    assert said.endswith("on ? faces with preset ?, by code ?"), "one of an older version"


def test_a_missing_one_says_what_to_run(tmp_path: Path, faces: Faces) -> None:
    with pytest.raises(UserError, match=r"tune_models.py --models conv5"):
        read_best(tmp_path, "complete", "conv5", faces)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"spec": {"model": 3}}', "\0"])
def test_a_damaged_one_is_named(tmp_path: Path, faces: Faces, content: str) -> None:
    path = write_best(tmp_path, "conv5", SPEC, {}, {})
    path.write_text(content)
    with pytest.raises(UserError, match=r"conv5\.json: cannot be read"):
        read_best(tmp_path, "partial", "conv5", faces)
