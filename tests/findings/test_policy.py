"""policy.json: each pipeline's policy, with the complete one to fall back on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fkd_core.augment.policy import Policy, Step
from fkd_core.errors import UserError
from fkd_core.findings.policy import read_policy, write_policy

ROTATION = Policy((Step("rotation", 0.4, 0.7),))
MIRROR = Policy((Step("mirror", 0.5, None),), "one")
MADE_BY = {"command": "python experiments/search_augment.py", "seed": 0}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "augmentation" / "policy.json"
    write_policy(path, "complete", ROTATION, MADE_BY)
    assert read_policy(path, "complete") == ROTATION
    assert json.loads(path.read_text())["complete"]["made_by"] == MADE_BY


def test_a_pipeline_without_its_own_falls_back_to_complete(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, MADE_BY)
    assert read_policy(path, "partial") == ROTATION


def test_one_pipeline_leaves_the_other_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    write_policy(path, "complete", ROTATION, MADE_BY)
    write_policy(path, "partial", MIRROR, MADE_BY)
    write_policy(path, "complete", Policy(), MADE_BY)
    assert read_policy(path, "partial") == MIRROR
    assert not read_policy(path, "complete")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "not there"),
        ("{", "cannot be read"),
        ("[]", "not a table of policies"),
        ("{}", "no policy for partial or complete"),
        ('{"complete": {}}', "damaged"),
        ('{"complete": {"policy": {"steps": [{"transform": "x", "probability": 3}]}}}', "damaged"),
    ],
)
def test_a_file_that_is_no_policy_is_one_clear_error(
    tmp_path: Path, text: str | None, says: str
) -> None:
    path = tmp_path / "policy.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=says) as caught:
        read_policy(path, "partial")
    assert str(path) in str(caught.value)
