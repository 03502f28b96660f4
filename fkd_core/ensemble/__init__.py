"""From trained models to a submission: out-of-fold tables, stackers, merge, and the artefact."""
