"""Which models a user means."""

from __future__ import annotations

import pytest

from fkd_core.errors import UserError
from fkd_core.models import MODELS
from search_spaces.model import tuned_models


def test_models_are_chosen_by_name_by_all_or_by_the_preset() -> None:
    assert tuned_models((), "quick") == ("lenet5",)
    assert tuned_models((), "full") == tuned_models(("all",), "smoke") == tuple(MODELS)
    assert tuned_models(("conv5", "lenet5", "conv5"), "full") == ("conv5", "lenet5")
    with pytest.raises(
        UserError, match=r"no model 'lenet6'; did you mean 'lenet5'.*all, .*lenet5"
    ):
        tuned_models(("lenet6",), "quick")
    assert tuned_models(("aligned-plain", "plain"), "quick") == ("aligned-plain", "plain")
    with pytest.raises(UserError, match=r"no model 'lenet6'; .* with aligned- before it"):
        tuned_models(("aligned-lenet6",), "quick")
