"""Faces: read, cleaned, grouped and dealt into folds. Import the submodules; this loads none."""
