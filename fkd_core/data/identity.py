"""Whether a file is the competition's own, byte for byte, and what is known of that very file."""

from __future__ import annotations

from dataclasses import dataclass

from fkd_core.data.archive import LOOKUP, SAMPLE, TEST, TRAINING

OFFICIAL: dict[str, str] = {
    TRAINING: "6521c1d8ad036e3304ccb50967834ab6a942bc1b84bcb7dca10e348522ed480a",
    TEST: "1600eed743e240d30969a8b4e3f48eed0dca2a6bccc9d20f7838640540c4adba",
    LOOKUP: "e9fe9d4b",
    SAMPLE: "621cccfd",
}
"""SHA-256 of the competition's unpacked files; of two of them, its first 8 digits only."""


@dataclass(frozen=True)
class Known:
    """What solvers of the competition published about the official files."""

    bad_rows: tuple[int, ...] = ()
    """Data rows (from 1) without a usable face: they are dropped."""


_KNOWN: dict[str, Known] = {TRAINING: Known(bad_rows=(6493, 6494))}


def is_official(role: str, sha256: str) -> bool:
    """Whether unpacked bytes with this SHA-256 are the competition's own file."""
    return sha256.startswith(OFFICIAL[role])


def known(role: str, sha256: str) -> Known:
    """What is known of this file; nothing unless it is the official one."""
    return _KNOWN.get(role, Known()) if is_official(role, sha256) else Known()


def identity_note(role: str, sha256: str) -> str:
    """A sentence that says whether the file is the official one."""
    if not is_official(role, sha256):
        return (
            f"{role} (sha256 {sha256[:8]}...) is not the competition's own file: fine, but scores "
            "on it are not competition scores."
        )
    if len(OFFICIAL[role]) < len(sha256):
        return f"{role} is the official file, as far as its known first 8 hash digits tell."
    return f"{role} is the official file, byte for byte."
