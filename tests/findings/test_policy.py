"""policy.json: each pipeline's policy, with the complete one to fall back on."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from faces_for_tests import tiny_faces

from fkd_core.augment.policy import Policy, Step
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.findings.policy import Effect, policy_or, write_policy
from fkd_core.findings.provenance import code_version, provenance

ROTATION = Policy((Step("rotation", 0.4, 0.7),))
MIRROR = Policy((Step("mirror", 0.5, None),), "one")


def found(path: Path, pipeline: str, faces: Faces) -> tuple[Policy, str]:
    """What a network of which nothing is known trains under, and the sentence on it."""
    return policy_or(path, pipeline, faces, "conv5", (Policy(), "nobody's"))


def test_what_was_written_is_read(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "augmentation" / "policy.json"
    write_policy(path, "complete", ROTATION, provenance("quick", 0, faces))
    assert found(path, "complete", faces)[0] == ROTATION
    assert json.loads(path.read_text())["complete"]["made_by"] == provenance("quick", 0, faces)


def test_strengths_are_said_in_physical_units_too(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, provenance("quick", 0, faces))
    assert json.loads(path.read_text())["complete"]["means"] == [
        "rotation (±15.2 degrees) in 40% of copies"
    ]
    write_policy(path, "complete", MIRROR, provenance("quick", 0, faces))
    assert json.loads(path.read_text())["complete"]["means"] == ["mirror"]


def test_a_pipeline_without_its_own_falls_back_to_complete(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, provenance("quick", 0, faces))
    policy, where = found(path, "partial", faces)
    assert policy == ROTATION
    assert where.endswith("for complete, since it has none of its own.")


def test_one_pipeline_leaves_the_other_as_it_was(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, provenance("quick", 0, faces))
    write_policy(path, "partial", MIRROR, provenance("quick", 0, faces))
    write_policy(path, "complete", Policy(), provenance("quick", 0, faces))
    assert found(path, "partial", faces)[0] == MIRROR
    assert not found(path, "complete", faces)[0]


def test_it_says_where_it_comes_from(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, provenance("smoke", 0, faces))
    _, where = found(path, "complete", faces)
    today = date.today().isoformat()
    told = f"found on {today} on 56 faces with preset smoke, by code {code_version()}"
    assert where == f"Augmentations: {path}, {told}."
    _, where = policy_or(path, "complete", faces, "conv5", (Policy(), "nobody's"), "quick")
    assert where == f"Augmentations: {path}, {told} (a smaller run than one with preset quick)."


def test_one_of_other_pictures_is_refused_and_one_of_corrected_labels_is_not(
    tmp_path: Path, faces: Faces
) -> None:
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, provenance("smoke", 0, tiny_faces(seed=5)))
    with pytest.raises(UserError, match=r"other pictures than these.*--run"):
        found(path, "complete", faces)
    corrected = replace(faces, points=faces.points + 1)
    write_policy(path, "complete", ROTATION, provenance("smoke", 0, corrected))
    assert found(path, "complete", faces)[0] == ROTATION


def test_a_search_on_other_pictures_leaves_nothing_of_the_one_before(
    tmp_path: Path, faces: Faces
) -> None:
    path = tmp_path / "policy.json"
    for name in ("complete", "partial"):
        write_policy(path, name, MIRROR, provenance("smoke", 0, tiny_faces(seed=5)))
    write_policy(path, "complete", ROTATION, provenance("quick", 0, faces))
    policy, where = found(path, "partial", faces)
    assert policy == ROTATION
    assert "for complete" in where


def test_one_that_does_not_tell_of_what_it_is_is_refused(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "policy.json"
    write_policy(
        path, "complete", ROTATION, {"command": "python experiments/search_augment.py", "seed": 0}
    )
    with pytest.raises(UserError, match="other pictures"):
        found(path, "complete", faces)


HELPS = Effect("aligned-gated", "joint", "the best recipe's", -0.02, -0.03, -0.01)
HARMS = replace(HELPS, effect=0.02, low=0.01, high=0.03)


@pytest.mark.parametrize(
    ("effects", "network", "pipeline", "policy", "says"),
    [
        ([HELPS], "aligned-gated", "joint", ROTATION, r"-0\.020 px \(-0\.030 \.\. -0\.010\)"),
        ([HARMS], "aligned-gated", "joint", MIRROR, r"^Augmentations: the best recipe's, for"),
        ([replace(HARMS, low=-0.01)], "aligned-gated", "joint", MIRROR, r"\+0\.020 px"),
        # What is known of one network, or on one pipeline's faces, is not known of others.
        ([HARMS], "conv5", "joint", ROTATION, "preset quick.* for complete"),
        ([HARMS], "aligned-gated", "complete", ROTATION, "preset quick"),
        ([], "aligned-gated", "joint", ROTATION, "preset quick.* for complete"),
    ],
)
def test_a_network_trains_under_what_it_errs_less_with(
    tmp_path: Path, faces: Faces, effects: list[Effect], network: str, pipeline: str,
    policy: Policy, says: str,
) -> None:  # fmt: skip
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, provenance("quick", 0, faces), effects=effects)
    own, said = policy_or(path, pipeline, faces, network, (MIRROR, "the best recipe's"))
    assert own == policy
    assert re.search(says, said), said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "not a table of policies"),
        ("{}", "no policy for partial or complete"),
        ('{"complete": {}}', "damaged"),
        ('{"complete": {"policy": {"steps": [{"transform": "x", "probability": 3}]}}}', "damaged"),
        ('{"complete": {"policy": {"steps": [], "choice": "all"}, "transfer": [{}]}}', "damaged"),
    ],
)
def test_a_file_that_is_no_policy_is_one_clear_error(
    tmp_path: Path, faces: Faces, text: str, says: str
) -> None:
    path = tmp_path / "policy.json"
    path.write_text(text)
    with pytest.raises(UserError, match=says) as caught:
        found(path, "partial", faces)
    assert str(path) in str(caught.value)
