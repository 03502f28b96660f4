"""Suites that a sampler or a pruner of one's own must pass: subclass one in a test file.

class TestMine(SamplerConformance):
    @pytest.fixture
    def sampler(self) -> Mine:
        return Mine()
"""

from fkd_core.testing.pruners import PrunerConformance
from fkd_core.testing.samplers import SamplerConformance

__all__ = ["PrunerConformance", "SamplerConformance"]
