"""The embedded demo faces: drawn by our own code, written in the competition's own format."""

from fkd_core.data.demo.files import (
    FILES,
    FINISHED,
    Demo,
    demo_folder,
    is_drawn,
    make_training,
    write_demo,
)

__all__ = ["FILES", "FINISHED", "Demo", "demo_folder", "is_drawn", "make_training", "write_demo"]
