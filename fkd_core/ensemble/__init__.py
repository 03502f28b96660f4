"""From trained models to a submission: out-of-fold tables, stacking, merge, and the artefact."""
