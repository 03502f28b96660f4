"""Which models a user means."""

from __future__ import annotations

import pytest

from fkd_core.errors import UserError
from fkd_core.models import MODELS
from search_spaces.model import tuned_models


def test_models_are_chosen_by_name_or_all_or_are_the_best_recipes() -> None:
    assert tuned_models(()) == ("aligned-gated",), "the best recipe's last stage"
    assert tuned_models(("all",)) == tuple(MODELS)
    assert tuned_models(("conv5", "lenet5", "conv5")) == ("conv5", "lenet5")
    with pytest.raises(
        UserError, match=r"no model 'lenet6'; did you mean 'lenet5'.*all, .*lenet5"
    ):
        tuned_models(("lenet6",))
    assert tuned_models(("aligned-plain", "plain")) == ("aligned-plain", "plain")
    with pytest.raises(UserError, match=r"no model 'lenet6'; .* with aligned- before it"):
        tuned_models(("aligned-lenet6",))
