"""Which kinds of edit retire which results: a table, tried on a copy of the code."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fkd_core import libraries, reach
from fkd_core.augment.policy import Policy, Step
from fkd_core.augment.render import rendering_version
from fkd_core.ensemble.questions import code_that_answers
from fkd_core.errors import UserError
from fkd_core.fitting import spec as spec_module
from fkd_core.fitting.spec import FitSpec, recipe_of
from fkd_core.models.lenet5 import LeNet5
from fkd_core.models.resnext50 import ResNeXt50
from fkd_core.reach import CODE, NOT_FOLLOWED, Code

PACKAGE = Path(reach.__file__).parent
PLAIN = FitSpec(ResNeXt50())
POLICY = Policy((Step("rotation"),))
VERSIONS = dict.fromkeys(libraries.DISTRIBUTIONS, "1.0")

FITS = {"fit", "fit with policy", "fit on jax", "prediction"}
RENDERED = {"fit with policy", "rendering"}
EVERYTHING = FITS | RENDERED
NOTHING: set[str] = set()

PROBE = '''

def _probe(x):
    """Doc."""
    # Comment.
    if TYPE_CHECKING:
        from fkd_core.report import sheet
    assert x > 0, "asserted"
    log.warning("logged %s", x)
    log.info(f"informed {x}")
    if x > 1:
        raise ValueError("raised " + f"told {x}") from x
    return "value"


_TRANSFORM = Transform("name", "Sentence.", "±{:.1f} px", 1.0, strongest=2.0)
_NAMED = Transform("other", sentence="Said.", meaning="meant")
'''
"""Put at the end of a module, for edits that do not depend on what stands there."""


def keys(code: Code, version_of: Callable[[str], str] = VERSIONS.__getitem__) -> dict[str, str]:
    """What results of each kind are known by, but for spec and data."""
    fit = recipe_of(PLAIN, code, version_of)
    return {
        "fit": fit,
        "fit with policy": recipe_of(replace(PLAIN, policy=POLICY), code, version_of),
        "fit on jax": recipe_of(replace(PLAIN, backend="jax"), code, version_of),
        "rendering": rendering_version(POLICY, code, version_of),
        "prediction": fit + code_that_answers(code),
    }


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = tmp_path_factory.mktemp("copy") / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("fitting/fit.py", "augment/transforms/rotation.py", "ensemble/views.py"):
        with open(package / name, "a", encoding="utf-8") as file:
            file.write(PROBE)
    return package


@pytest.fixture(scope="module")
def before(copied: Path) -> dict[str, str]:
    return keys(Code(copied))


@pytest.fixture
def edit(copied: Path) -> Iterator[Callable[[str, str, str], None]]:
    """Replaces text in one file of the copy until the end of the test; no text: appends."""
    kept: dict[Path, str | None] = {}

    def edited(name: str, old: str, new: str) -> None:
        path = copied / name
        text = path.read_text(encoding="utf-8") if path.exists() else None
        kept[path] = text
        assert old in (text or "")
        path.write_text(text.replace(old, new) if text and old else (text or "") + new)

    yield edited
    for path, text in kept.items():
        path.unlink() if text is None else path.write_text(text, encoding="utf-8")


MORE = "\n_MORE = 1\n"


@pytest.mark.parametrize(
    ("name", "retired"),
    [
        ("models/resnext50.py", FITS),
        ("models/base.py", FITS),
        ("models/lenet5.py", NOTHING),
        ("models/new_one.py", NOTHING),
        ("models/__init__.py", NOTHING),
        ("layers/grouped.py", FITS),
        ("layers/residual.py", FITS),
        ("layers/unshared.py", NOTHING),
        ("layers/__init__.py", NOTHING),
        ("augment/transforms/rotation.py", RENDERED),
        ("augment/transforms/gamma.py", NOTHING),
        ("augment/transforms/__init__.py", NOTHING),
        ("augment/geometry.py", RENDERED),
        ("augment/draw.py", RENDERED),
        ("augment/compose.py", NOTHING),
        ("fitting/fit.py", FITS),
        ("fitting/schedule.py", FITS),
        ("fitting/steps.py", FITS),
        ("fitting/steps_tensorflow.py", FITS - {"fit on jax"}),
        ("fitting/steps_jax.py", {"fit on jax"}),
        ("fitting/predict.py", {"prediction"}),
        ("ensemble/views.py", {"prediction"}),
        ("ensemble/questions.py", {"prediction"}),
        ("data/folds.py", FITS),
        ("data/cleaning.py", NOTHING),
        ("keypoints.py", EVERYTHING),
        ("fitting/store.py", NOTHING),
        ("files.py", NOTHING),
        ("errors.py", NOTHING),
        ("reach.py", NOTHING),
        ("running/worker.py", NOTHING),
        ("protocols/tuning.py", NOTHING),
        ("report/sheet.py", NOTHING),
    ],
)  # fmt: skip
def test_code_retires_what_reaches_it(
    name: str,
    retired: set[str],
    copied: Path,
    before: dict[str, str],
    edit: Callable[[str, str, str], None],
) -> None:
    # "fit with policy" and "rendering" differ: models do not decide a rendering.
    retired = retired - {"rendering"} if name.startswith(("models", "layers")) else retired
    edit(name, "", MORE)
    assert changed(before, keys(Code(copied))) == retired


@pytest.mark.parametrize(
    "name", ["fitting/aligned.py", "fitting/predict.py", "layers/aligning.py", "augment/draw.py"]
)
def test_what_straightens_retires_aligned_fits_alone(
    name: str, copied: Path, edit: Callable[[str, str, str], None]
) -> None:
    def recipes() -> list[str]:
        code = Code(copied)
        specs = (PLAIN, replace(PLAIN, aligned_by=PLAIN))
        return [recipe_of(spec, code, VERSIONS.__getitem__) for spec in specs]

    plain, aligned = recipes()
    edit(name, "", MORE)
    after = recipes()
    assert after[0] == plain
    assert after[1] != aligned


IN_FILES = {
    "fitting/fit.py": FITS,
    "augment/transforms/rotation.py": RENDERED,
    "ensemble/views.py": {"prediction"},
}


@pytest.mark.parametrize("name", IN_FILES)
def test_words_retire_nothing(
    name: str, copied: Path, before: dict[str, str], edit: Callable[[str, str, str], None]
) -> None:
    for old, new in {
        '"""Doc."""': '"""Another."""',
        "# Comment.": "# Another.",
        "import sheet": "import tuning",
        '"asserted"': 'f"asserted {x}"',
        '"logged %s"': '"%s was logged"',
        'f"informed {x}"': '"informed"',
        '"raised "': '"said "',
        'f"told {x}"': 'f"told {x!r} and {x + 1}"',
        '"Sentence."': '"Another."',
        '"±{:.1f} px"': '"{:.2f} pixels"',
        '"Said."': '"Another."',
        '"meant"': '"other"',
        "\n\n\ndef _probe": "\n\n\n\ndef _probe",
    }.items():
        original = (copied / name).read_text(encoding="utf-8")
        edit(name, old, new)
        assert changed(before, keys(Code(copied))) == NOTHING, old
        (copied / name).write_text(original, encoding="utf-8")


@pytest.mark.parametrize("name", IN_FILES)
def test_everything_else_in_the_same_lines_retires(
    name: str, copied: Path, before: dict[str, str], edit: Callable[[str, str, str], None]
) -> None:
    for old, new in {
        "assert x > 0": "assert x > 1",
        '    log.warning("logged %s", x)\n': "",
        "if x > 1": "if x > 2",
        "ValueError(": "TypeError(",
        '"value"': '"another"',
        '"name"': '"another"',
        '"±{:.1f} px"': '""',  # so that it has no strength
        "strongest=2.0": "strongest=3.0",
    }.items():
        original = (copied / name).read_text(encoding="utf-8")
        edit(name, old, new)
        assert changed(before, keys(Code(copied))) == IN_FILES[name], old
        (copied / name).write_text(original, encoding="utf-8")


@pytest.mark.parametrize("place", ["top", "function", "relative", "whole", "all"])
def test_what_a_new_import_reaches_counts_from_then_on(
    place: str, copied: Path, edit: Callable[[str, str, str], None]
) -> None:
    line = {
        "top": "from fkd_core.layers import UnsharedConv2D\n",
        "function": "def _f():\n    import fkd_core.layers.unshared\n",
        "whole": "from fkd_core import layers\n",
        "all": "from fkd_core.layers import *\n",
        "relative": "from ..layers.unshared import UnsharedConv2D\n",
    }
    edit("models/resnext50.py", "", "\n" + line[place])
    importing = keys(Code(copied))
    edit("layers/unshared.py", "", MORE)
    assert changed(importing, keys(Code(copied))) == FITS


@pytest.mark.parametrize(
    ("library", "retired"),
    {
        "numpy": EVERYTHING,
        "keras": FITS,
        "tensorflow": FITS - {"fit on jax"},
        "jax": {"fit on jax"},
        "jaxlib": {"fit on jax"},
        "opencv": RENDERED,
    }.items(),
)
def test_another_version_of_a_library_retires_what_it_computes(
    library: str, retired: set[str]
) -> None:
    one, other = (keys(CODE, (VERSIONS | {library: v}).__getitem__) for v in ("1.0", "1.1"))
    assert changed(one, other) == retired


def test_every_library_is_in_the_table_and_installed() -> None:
    assert libraries.versions().keys() == VERSIONS.keys()
    assert libraries.ABSENT not in libraries.versions().values()


def test_the_key_of_a_fit_holds_what_its_recipe_says(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, asked = replace(PLAIN, seed=12345, policy=POLICY), []
    own = spec.key("faces")

    def another(*what: object) -> str:
        asked.append(what)
        return "another recipe"

    spec_module._key.cache_clear()
    monkeypatch.setattr(spec_module, "_recipe", another)
    assert spec.key("faces") != own
    recipe_of(spec)
    assert asked[0] == asked[1]
    spec_module._key.cache_clear()


def test_a_registry_would_make_every_result_reach_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit = {"fkd_core.fitting.fit", "fkd_core.fitting.steps_tensorflow", LeNet5.__module__}
    others = {
        "fkd_core.layers.unshared",
        "fkd_core.fitting.steps_jax",
        "fkd_core.augment.draw",
        "fkd_core.files",
    }
    assert not others & CODE.reached(fit)
    monkeypatch.setattr(reach, "NOT_FOLLOWED", {})
    assert others <= Code(PACKAGE).reached(fit)


def test_what_is_not_followed_is_there_and_has_a_reason() -> None:
    assert [name for name in NOT_FOLLOWED if not CODE.has(name)] == []
    assert all(NOT_FOLLOWED.values())


def test_a_root_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"fkd_core\.models\.resnet51"):
        CODE.version({"fkd_core.models.resnet51"})


def test_a_machine_with_other_libraries_is_refused_in_one_line() -> None:
    here = VERSIONS | {"jax": libraries.ABSENT}
    libraries.refuse_others(here, "machine m", here)
    libraries.refuse_others(here | {"opencv": libraries.ABSENT}, "machine m", here)
    with pytest.raises(UserError, match=r"^machine m has keras 2\.0 \(here: 1\.0\); .*pins"):
        libraries.refuse_others(here | {"keras": "2.0"}, "machine m", here)
    with pytest.raises(UserError, match=r"jax 1\.0 \(here: absent\)"):
        libraries.refuse_others(VERSIONS, "machine m", here)
