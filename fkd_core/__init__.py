"""The experiment platform for facial keypoint detection: every choice is measured.

``from fkd_core import Workspace`` is the way in from Python.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fkd_core.workspace import Workspace as Workspace

__all__ = ["Workspace"]


def __getattr__(name: str) -> Any:
    """Imports the way in when it is asked for: workers and fits do without."""
    if name == "Workspace":
        from fkd_core.workspace import Workspace

        return Workspace
    raise AttributeError(f"module 'fkd_core' has no attribute {name!r}")
