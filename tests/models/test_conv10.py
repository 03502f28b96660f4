"""Conv10 can be the version of the reference's slides, too."""

from __future__ import annotations

from fkd_core.models.base import parameters
from fkd_core.models.conv10 import Conv10


def test_the_version_of_the_slides_has_its_published_count() -> None:
    model = Conv10.of_the_slides().build(30)
    assert parameters(model) == 7_268_670  # published as 7.269M
    convolutions = [layer for layer in model.layers if layer.name.startswith("conv2d")]
    assert [layer.filters for layer in convolutions] == [
        *(32, 32, 64, 64, 96, 96, 128, 128, 256, 256, 512, 512)
    ]
