"""Section: what the page's words mean."""

from __future__ import annotations

import re
from html import escape

MEANINGS = {
    "95% interval": "where the true value lies in 95 of 100 such measurements",
    "complete": "of the annotator who marks 15 points, and the pipeline of those faces",
    "confirm": "the set of faces on which verdicts and winners are measured",
    "control": "the arm that the others are compared with",
    "copy": "one augmented rendering of a face",
    "cross-validation": "each part of the faces is predicted by what was fitted on the others",
    "equivalent": "surely smaller than what matters, by default 0.5% of the error",
    "final": "the set of faces that chooses nothing; scores come from it",
    "fit": "one model trained once; a pure function of its spec and the faces",
    "fold": "a part of the faces that a fit holds out",
    "harmful": "surely raises the error, after Holm's correction for all candidates",
    "held out": "never shown to a fit, and scored",
    "helpful": "surely lowers the error, after Holm's correction for all candidates",
    "joint": "of a fit that learns from all annotators at once, each in its own style",
    "member": "a configuration in an ensemble, trained for every fold and seed",
    "out of fold": "predicted by the fit that held the face out",
    "partial": "of the annotator who marks 4 points, and the pipeline of those faces",
    "pipeline": "which faces a fit learns from, and in whose style it answers",
    "policy": "the augmentations in force",
    "reference": "the published solution whose recipe this project measures itself against",
    "RMSE": "root of the mean squared error of coordinates, in pixels of the 96 x 96 picture",
    "search": "the set of faces on which configurations are chosen; such scores flatter",
    "seed": "the number that all chance of a run follows from",
    "stacker": "a way to combine members, chosen by cross-validation",
    "strength": "how strong a transform is at most, between 0 and 1",
    "study": "a search, as Optuna keeps it",
    "trial": "one configuration of a study, scored on several fits",
    "undecided": "the evidence does not suffice; an outcome, not a failure",
}
"""Word to meaning."""


def glossary(page: str) -> str:
    """The words that this page uses, as its last section."""
    text = re.sub(r"<[^>]+>", " ", page)
    used = {
        word: meaning
        for word, meaning in MEANINGS.items()
        if re.search(rf"\b{re.escape(word)}", text, re.IGNORECASE)
    }
    rows = "".join(f"<dt>{escape(w)}</dt><dd>{escape(m)}</dd>" for w, m in used.items())
    return f'<section id="words"><h2>Words</h2><dl>{rows}</dl></section>\n'
