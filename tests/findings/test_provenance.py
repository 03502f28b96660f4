"""Provenance: which code made a finding, wherever the program lies."""

from __future__ import annotations

import os
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from fkd_core.findings.provenance import code_version
from fkd_core.libraries import own_version


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    named = {
        f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, env=os.environ | named, check=True)
    return tmp_path


def test_a_checkout_is_told_by_its_commit(checkout: Path) -> None:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, cwd=checkout, capture_output=True, text=True, check=True)
    assert code_version(checkout) == f"{own_version()}+{commit.stdout.strip()}"


def test_the_repository_around_an_installed_program_is_not_asked(checkout: Path) -> None:
    installed = checkout / "site-packages"
    installed.mkdir()
    assert code_version(installed) == own_version()


def test_without_git_the_version_is_told_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_version(checkout) == own_version()


def test_a_checkout_that_is_not_installed_has_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert own_version() == "0"
