"""What Optuna's dashboard shows of a trial besides its numbers: two pictures and a note."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact
from optuna.trial import TrialState

from fkd_core.data.faces import Faces
from fkd_core.photos.reading import Colour
from fkd_core.report.trial_note import about, reproduction, story, which
from fkd_core.report.trial_pictures import Curve, learning_curves, png, worst_faces
from fkd_core.studies.study import Study
from fkd_core.studies.trial import TrialEnd

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialPages:
    """Makes the pages of trials. Called before a trial is given its end state: Optuna takes
    nothing for a finished one. Repeating a call replaces what the first one made."""

    faces: Faces
    """All that the fits' rows may name."""
    folder: Path
    """Where the pictures are kept: what the dashboard is given as --artifact-dir."""
    made_by: Mapping[str, Any]
    """Of the run: see ``findings.provenance``."""
    _told: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    _warned: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __call__(self, end: TrialEnd) -> None:
        """Makes one trial's page. What cannot be drawn or written is warned of once and left
        out."""
        # These take a second.
        from optuna_dashboard import get_note, save_note  # type: ignore[import-untyped]
        from optuna_dashboard.artifact import (  # type: ignore[import-untyped]
            get_artifact_path,
        )

        study, number, state = end.study, end.number, end.state
        kept: dict[str, str] = {}
        with self._left_out_on_failure():
            self._note_of(study)
            trial = optuna.trial.Trial(study.shown, study.id_of(number))
            with self._left_out_on_failure():
                for name, picture in _pictures(end, self.faces).items():
                    kept[name] = get_artifact_path(trial, self._keep(trial, name, png(picture)))
            note = study.note_of(number)
            heading, there = f"## Trial {number}", get_note(note)
            if there and not there.startswith(heading):
                return  # somebody wrote a note of their own
            words = (
                f"{heading}: {'failed' if state == TrialState.FAIL else state.name.lower()}",
                *story(end, study.params_of(number)),
                *(f"![{_alt(name)}]({path})" for name, path in kept.items()),
                *reproduction(self.made_by["command"], end.facts.get("fits", ())),
            )
            save_note(note, "\n\n".join(words))

    def _note_of(self, study: Study) -> None:
        """The study's own note, once; one that somebody wrote is left alone."""
        from optuna_dashboard import get_note, save_note

        name = study.plan.name
        if name not in self._told:
            self._told.append(name)
            words = about(study.plan, self.made_by["command"])
            there = get_note(study.note)
            if there != "\n\n".join(words) and (not there or there.startswith(words[0])):
                save_note(study.note, "\n\n".join(words))

    def _keep(self, trial: optuna.trial.Trial, name: str, content: bytes) -> str:
        """Gives the artefact's id. One of that name is written again: it may be half a file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        store = FileSystemArtifactStore(self.folder)
        for known in get_all_artifact_meta(trial):
            if known.filename == name:
                store.write(known.artifact_id, io.BytesIO(content))
                return known.artifact_id
        with tempfile.TemporaryDirectory(prefix="fkd-") as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            return str(
                upload_artifact(artifact_store=store, file_path=str(path), study_or_trial=trial)
            )

    @contextlib.contextmanager
    def _left_out_on_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # a page is a convenience: nothing of it may end a search
            if not self._warned:
                log.warning("the dashboard lacks pages of trials (%s); the search goes on", error)
            self._warned.append(str(error))


def _pictures(end: TrialEnd, faces: Faces) -> dict[str, Colour]:
    """The pictures there are, by the names of their files."""
    specs, results = end.specs, end.results
    curves = [
        Curve(
            f"{which(result.spec)}: {result.rmse:.2f} px",
            result.history["held_out_rmse"],
            result.history["train_rmse"],
        )
        for result in results
    ]
    if len(specs) > len(results) and len(end.curve):
        curves.append(Curve(f"{which(specs[len(results)])}: stopped", end.curve))
    pictures = {
        "learning-curves.png": learning_curves(f"Trial {end.number}: learning curves", curves),
        "worst-faces.png": worst_faces(
            f"Trial {end.number}: worst held-out faces", faces, results
        ),
    }
    return {name: picture for name, picture in pictures.items() if picture is not None}


def _alt(name: str) -> str:
    """Seen in place of a picture where the dashboard was started without --artifact-dir."""
    return f"{Path(name).stem.replace('-', ' ')} (needs --artifact-dir)"
