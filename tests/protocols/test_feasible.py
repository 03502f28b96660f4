"""What too few faces cannot do is said before anything begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.fitting.spec import FitSpec
from fkd_core.models.lenet5 import LeNet5
from fkd_core.protocols.feasible import check_enough
from fkd_core.running.simulated import simulated_faces

MANY = simulated_faces(150)
SPEC = FitSpec(LeNet5.tiny())


def test_enough_faces_pass() -> None:
    check_enough(MANY, [SPEC, SPEC])


def test_too_few_are_refused_with_what_is_lacking() -> None:
    with pytest.raises(UserError, match=r"complete faces are too few; give more labelled faces"):
        check_enough(MANY.take(np.arange(3)), [SPEC])


def test_another_pipeline_is_named_only_where_it_has_faces() -> None:
    others = Faces(
        MANY.images,
        np.where(np.isin(np.arange(15), (0, 1, 10, 14))[:, None], MANY.points, np.nan),
        np.ones(len(MANY), np.int8),
        MANY.group,
        MANY.row,
    )
    with pytest.raises(UserError, match=r"0 complete faces.*take others: --pipelines partial"):
        check_enough(others, [SPEC])
    check_enough(others, [replace(SPEC, pipeline="partial")])
    joint = replace(SPEC, pipeline="joint")
    check_enough(others, [joint], ["all"])
    with pytest.raises(UserError, match=r"annotator complete.*take others: --pipelines partial"):
        check_enough(others, [replace(joint, aligned_by=joint)], ["all"])
