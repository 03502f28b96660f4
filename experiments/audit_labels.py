"""Finds training labels that are wrong, and measures what correcting them changes.

    python experiments/audit_labels.py --data FOLDER

fkd_core/experiments/audit_labels.py has its options and what it does.
"""

import begin  # noqa: F401  # first: says what is not installed

from fkd_core import command
from fkd_core.experiments.audit_labels import AuditLabels, main

if __name__ == "__main__":
    command.run(main, AuditLabels)
