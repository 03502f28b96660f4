"""How far a run is, and about how long it still takes."""

from fkd_core.progress.bar import FitProgress
from fkd_core.progress.forecast import Forecast
from fkd_core.progress.parts import Part
from fkd_core.progress.words import clock, counted

__all__ = ["FitProgress", "Forecast", "Part", "clock", "counted"]
