"""policy.json: what a search found, pipeline by pipeline, for the stages after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fkd_core.augment.described import described
from fkd_core.augment.policy import Policy
from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.files import write_text
from fkd_core.findings.inputs import NOTHING, Inputs
from fkd_core.findings.provenance import origin
from fkd_core.sources import COMPLETE


@dataclass(frozen=True)
class Effect:
    """What a policy changes on a network that did not choose it, px; negative helps."""

    network: str
    pipeline: str
    instead: str
    """Whose augmentations it is compared with."""
    effect: float
    low: float
    """Ends of the 95% interval."""
    high: float

    def __str__(self) -> str:
        return f"{self.effect:+.3f} px ({self.low:+.3f} .. {self.high:+.3f})"


def write_policy(
    path: Path,
    pipeline: str,
    policy: Policy,
    provenance: Mapping[str, Any],
    inputs: Inputs = NOTHING,
    effects: Sequence[Effect] = (),
) -> None:
    """Sets one pipeline's policy; another pipeline's entry stays as it is, if it was found on the
    same pictures. `means` says in physical units what the strengths, 0 to 1, stand for, and
    `transfer` what the policy does to other networks, where that was measured."""
    entries = _read(path) if path.exists() else {}
    entries = {k: v for k, v in entries.items() if _pictures(v) == provenance.get("pictures")}
    entries[pipeline] = {
        "policy": policy.to_json(),
        "means": described(policy),
        "transfer": [asdict(effect) for effect in effects],
        "inputs": inputs.to_json(),
        "made_by": dict(provenance),
    }
    write_text(path, json.dumps(entries, indent=2, sort_keys=True) + "\n")


def policy_or(
    path: Path,
    pipeline: str,
    faces: Faces,
    network: str,
    unsearched: tuple[Policy, str],
    preset: str | None = None,
) -> tuple[Policy, str]:
    """What this network is to train under, and a sentence that says what it is: the pipeline's
    policy, or that of complete where it has none of its own; where none was searched, or where
    this network was measured to err more under it, that of `unsearched`, which says whose it is
    too. `preset` is what it is used for: see ``origin``. Raises UserError where the file is
    damaged, or of other pictures than these faces'.
    """
    other, whose = unsearched
    if not path.exists():
        return (
            other,
            f"No {path}, so {whose} augmentations; search_augment.py finds what is better.",
        )
    policy, where, effects = _found(path, pipeline, faces, preset)
    known = [e for e in effects if (e.network, e.pipeline) == (network, pipeline)]
    if not known:
        return policy, f"Augmentations: {where}."
    (effect, *_) = known
    change = f"{network}'s error changes by {effect} against {effect.instead}"
    if effect.effect > 0:
        return other, f"Augmentations: {whose}, for under those of {where}, {change}."
    return policy, f"Augmentations: {where}; {change}."


def _found(
    path: Path, pipeline: str, faces: Faces, preset: str | None
) -> tuple[Policy, str, list[Effect]]:
    """The policy, where it comes from, and what it does to other networks."""
    entries = _read(path)
    entry = entries.get(pipeline, entries.get(COMPLETE.name))
    if entry is None:
        raise UserError(f"{path}: no policy for {pipeline} or {COMPLETE.name}; search one first")
    try:
        policy, made_by = Policy.from_json(entry["policy"]), dict(entry.get("made_by", {}))
        effects = [Effect(**each) for each in entry.get("transfer", ())]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: the entry of {pipeline} is damaged ({error})") from error
    borrowed = "" if pipeline in entries else f" for {COMPLETE.name}, since it has none of its own"
    return policy, f"{origin(path, made_by, faces, preset)}{borrowed}", effects


def _pictures(entry: Any) -> Any:
    """Which pictures an entry was found on, if it tells."""
    made_by = entry.get("made_by") if isinstance(entry, dict) else None
    return made_by.get("pictures") if isinstance(made_by, dict) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it and search anew") from error
    if not isinstance(entries, dict):
        raise UserError(f"{path}: not a table of policies; delete it and search anew")
    return entries
