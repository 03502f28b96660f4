"""The command `fkd`: every experiment by its name, as the scripts in experiments/ run them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from fkd_core.errors import did_you_mean
from fkd_core.stopping import while_loading
from fkd_core.streams import reopen, while_read

EXPERIMENTS = {
    "search-augment": ("search_augment", "SearchAugment", "which augmentations help, measured"),
    "tune": ("tune_models", "TuneModels", "the best configuration of each model"),
    "ensemble": ("build_ensemble", "BuildEnsemble", "five folds, stacked and merged, to submit"),
    "audit-labels": ("audit_labels", "AuditLabels", "wrong labels: found, shown, corrected"),
    "report": ("report", "Report", "the page of a run: what was asked and found, and how sure"),
    "predict": ("predict", "PredictOptions", "the keypoints of faces in photos; exports"),
    "results": ("results", "Results", "what is kept, what needs it, and what may go"),
}
"""Name to the module in fkd_core/experiments, the class of its options, and what it is about."""


@while_read()
def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the experiment that is named first; without a name, says which there are."""
    reopen()
    name, *options = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if name in ("--help", "-h"):
        print(_usage())
        return
    if name == "--version":
        from fkd_core.libraries import own_version

        print(own_version())
        return
    if name not in EXPERIMENTS:
        meant, known = did_you_mean(name, EXPERIMENTS), ", ".join(EXPERIMENTS)
        print(f"error: there is no command {name!r}; {meant}choose from {known}", file=sys.stderr)
        sys.exit(2)
    module, kind, _ = EXPERIMENTS[name]
    while_loading()
    try:  # late, for each brings libraries that take seconds
        from fkd_core import command

        experiment = importlib.import_module(f"fkd_core.experiments.{module}")
    except ModuleNotFoundError as error:
        print(
            f"error: this Python ({sys.executable}) lacks {error.name}; install the pinned "
            "packages (see README.md)",
            file=sys.stderr,
        )
        sys.exit(2)
    command.run(experiment.main, getattr(experiment, kind), f"fkd {name}", options)


def _usage() -> str:
    rows = "\n".join(f"  {name:<16}{about}" for name, (_, _, about) in EXPERIMENTS.items())
    return (
        "usage: fkd COMMAND [OPTIONS], or fkd --version\n\n"
        f"{rows}\n\n"
        "fkd COMMAND --help lists the options of each."
    )
