"""Every command of the README and of the pages in docs/ does what it says; one that nobody checks
fails here. Those of docs/extending.md want what it shows how to add: see test_extending.py."""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from short_runs import knowing

from fkd_core.cli import EXPERIMENTS
from fkd_core.data.demo import demo_folder

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    page.stem: page.read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md"))
    if page.stem != "extending"
}
COMMANDS = list(
    dict.fromkeys(
        line.strip()
        for block in re.findall(
            r"^ *```sh\n(.*?)^ *```",
            "\n".join([README, *PAGES.values()]),
            re.DOTALL | re.MULTILINE,
        )
        for line in block.splitlines()
        if line.strip()
    )
)
ANY_EXPERIMENT = r"python experiments/(?!predict|report|results)\w+\.py"
HERE = Path(sys.executable).parent
MINUTES = 60.0


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "MAKE"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30 * MINUTES,
        check=False,
    )


def _page(program: str, options: list[str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """An experiment's page, run as Python runs it but in this process: what a new one imports
    takes it longer than what is asked here."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", [program, *options])
        patch.delenv("RAY_ADDRESS", raising=False)
        try:
            runpy.run_path(str(ROOT / program), run_name="__main__")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    return subprocess.CompletedProcess([program, *options], code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    return knowing(drawn, tmp_path_factory.mktemp("results"))


def _make_knows_the_target(command: str, results: Path) -> None:
    shown = _run(["make", "--dry-run", *shlex.split(command)[1:]])
    assert shown.returncode == 0, shown.stderr
    does = {
        "install": "",  # nothing where it is done
        "demo": "experiments/search_augment.py",
        "submission": "experiments/build_ensemble.py",
        "test": "-m pytest",
        "test-slow": "-m pytest -m slow",
        "lint": "ruff check",
    }
    assert does[shlex.split(command)[1]] in shown.stdout


def _pip_would_accept(command: str, results: Path) -> None:
    """Without a network: pip knows the flags, the files are there, every pin has its hash."""
    module, tool, verb, *rest = shlex.split(command)[1:]
    if verb == "uninstall":
        assert rest[0] == "--yes"
        assert all(name.startswith("opencv-") for name in rest[1:])
        return
    assert (module, tool, verb) == ("-m", "pip", "install")
    extra = re.fullmatch(r"\.\[(\w+)\]", rest[-1])
    assert rest[-1] in (".", "kaggle") or extra or (ROOT / rest[-1]).is_file()
    known = {"--require-hashes", "-r", "--no-deps", "--no-build-isolation", "--editable"}
    assert {word for word in rest[:-1] if word.startswith("-")} <= known
    if "--require-hashes" in rest:
        pins = re.split(r"\n(?=\S)", (ROOT / rest[-1]).read_text(encoding="utf-8"))
        named = [pin for pin in pins if re.match(r"[A-Za-z0-9]", pin)]
        assert named
        for pin in named:
            assert re.match(r"[\w.-]+(\[.*\])?==", pin), pin[:80]
            assert "--hash=sha256:" in pin, pin[:80]
    if extra:
        assert f"{extra[1]} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def _experiment_plans(command: str, results: Path) -> None:
    """The experiment takes the options and says what it would do."""
    program, *options = shlex.split(command)[1:]
    if "--data" in options:
        given = options.index("--data") + 1
        options[given] = str(_downloaded(results, options[given]))
    if "label_corrections.csv" in options:
        given = options.index("label_corrections.csv")
        options[given] = str(results / "label_corrections.csv")
        (results / "label_corrections.csv").write_text(_a_correction(results))
    if "--config" in options:
        from fkd_core.experiments.search_augment import SearchAugment
        from fkd_core.findings.provenance import write_config

        given = options.index("--config") + 1
        options[given] = str(results / "config.json")
        write_config(results / "config.json", SearchAugment(preset="smoke"))
    if "--checkpoints" in options:
        options[options.index("--checkpoints") + 1] = str(results / "checkpoints")
    done = _page(program, [*options, "--results", str(results), "--dry-run"])
    assert done.returncode == 0, done.stderr
    assert re.search(r"at most \d+ fits|All of it takes|fits to confirm|Examples", done.stdout), (
        done.stdout
    )


def _predict_asks_for_an_ensemble(command: str, results: Path) -> None:
    """The options are known and the photos are there; no ensemble was built yet."""
    folder = results / "photos"
    (folder / "holiday").mkdir(parents=True, exist_ok=True)
    for name in ("photo.jpg", "film.mp4"):
        (folder / name).touch()
    program, *options = shlex.split(command.rpartition("| ")[2])[1:]
    done = _page(program, options, folder)
    assert done.returncode == 2, done.stderr
    assert "with experiments/build_ensemble.py" in done.stderr


def _report_asks_for_a_run(command: str, results: Path) -> None:
    """The options are known; nothing was run yet."""
    program, *options = shlex.split(command)[1:]
    done = _page(program, [*options, "--results", str(results / "none")])
    assert done.returncode == 2, done.stdout
    assert "there is no run" in done.stderr


def _results_are_looked_after(command: str, results: Path) -> None:
    """The options are known; here is nothing to look after yet."""
    program, *options = shlex.split(command)[1:]
    if "--data" in options:
        options[options.index("--data") + 1] = str(results)
    done = _page(program, [*options, "--results", str(results / "none")])
    assert done.returncode in (0, 2), done.stderr
    assert "there is no option" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def _a_correction(results: Path) -> str:
    """Of the first demo face's nose."""
    row = (demo_folder(results / "cache" / "demo") / "training.csv").read_text().splitlines()[1]
    pixels = bytes(int(level) for level in row.rpartition(",")[2].split())
    rows = ["image,keypoint,x,y,version", f"{sha256(pixels).hexdigest()},nose_tip,48,50,1", ""]
    return "\n".join(rows)


def _downloaded(results: Path, name: str) -> Path:
    """The demo faces as the competition's archive: zips inside a zip."""
    if name == "FOLDER":
        return demo_folder(results / "cache" / "demo")
    archive = results / name
    if not archive.exists():
        inner = results / "download"
        inner.mkdir()
        for file in demo_folder(results / "cache" / "demo").glob("*.csv"):
            shutil.copy(file, inner)
        (inner / "demo_truth.csv").unlink(missing_ok=True)
        shutil.make_archive(str(archive.with_suffix("")), "zip", inner)
    return archive


def _benchmark_takes_the_options(command: str, results: Path) -> None:
    """They take minutes to hours, and tests/test_benchmarks.py runs them shortened."""
    program, *options = command.partition("python ")[2].split()
    told = _run([sys.executable, program, "--help"])
    assert told.returncode == 0, told.stderr
    named = [option for option in options if option.startswith("--")]
    assert {*named} <= {*re.findall(r"--[\w.-]+", told.stdout)}


def _pytest_collects(command: str, results: Path) -> None:
    done = _run([sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/test_reach.py"])
    assert done.returncode == 0, done.stdout
    assert "test_reach" in done.stdout


def _kaggle_is_spelt_as_its_manual_says(command: str, results: Path) -> None:
    """Needs an account and a network; what can be known is that our reader takes its file, and
    that the line for a submission is the one that a run ends with."""
    from fkd_core.data.archive import DOWNLOAD
    from fkd_core.report.page.answer import submit_line
    from fkd_core.runs import run_of

    path = run_of(Path("results"), Path(DOWNLOAD), None).submission
    assert command in (
        "kaggle competitions download -c facial-keypoints-detection",
        submit_line(str(path), 1.248),
    )
    assert f"--data {DOWNLOAD}" in PAGES["how-to"]


def _is_how_an_environment_is_made(command: str, results: Path) -> None:
    """In the folder where make has it too."""
    assert re.search(r"^\.venv$", (ROOT / ".gitignore").read_text(), re.MULTILINE)
    assert "-m venv .venv" in (ROOT / "Makefile").read_text()
    assert command in ("python -m venv .venv", ". .venv/bin/activate")


def _ray_reads_these_variables(command: str, results: Path) -> None:
    """Each is one that Ray's own code asks for."""
    import ray

    own = Path(ray.__file__).parent
    asked = (own / "_private" / "authentication" / "authentication_token_setup.py").read_text()
    asked += (own / "_common" / "usage" / "usage_constants.py").read_text()
    for setting in shlex.split(command)[1:]:
        assert f'"{setting.partition("=")[0]}"' in asked


def _ray_knows_the_options(command: str, results: Path) -> None:
    """Two machines are not here; the tool and its options are."""
    _, verb, *options = shlex.split(command)
    told = _run([str(HERE / "ray"), verb, "--help"])
    assert told.returncode == 0, told.stderr
    for option in options:
        if option.startswith("-"):
            assert option.split("=")[0] in told.stdout


def _dashboard_takes_the_default_storage(command: str, results: Path) -> None:
    """tests/studies/test_dashboard.py opens it; here only that tool and address are right."""
    from fkd_core.shared_options import Options

    tool, flag, folder, url = shlex.split(command)
    assert (flag, folder) == ("--artifact-dir", "results/artifacts")
    assert _run([str(HERE / tool), "--version"]).returncode == 0
    relative = os.path.relpath(Options().storage_url.removeprefix("sqlite:///"))
    assert url == f"sqlite:///{relative}"


def _uv_made_the_pins(command: str, results: Path) -> None:
    """Needs a network; what can be known is that the pins were made by this very command."""
    made = ROOT / shlex.split(command)[-1]
    assert command in made.read_text(encoding="utf-8")[:500]


def _fkd_does_what_its_script_does(command: str, results: Path) -> None:
    """The command knows the name, and its script the options."""
    _, name, *options = shlex.split(command)
    module, _, _ = EXPERIMENTS[name]
    as_script = shlex.join(["python", f"experiments/{module}.py", *options])
    {"predict": _predict_asks_for_an_ensemble, "results": _results_are_looked_after}.get(
        name, _experiment_plans
    )(as_script, results)


CHECKS: dict[str, Callable[[str, Path], None]] = {
    r"(KERAS_BACKEND=jax )?python benchmarks/\w+\.py.*": _benchmark_takes_the_options,
    r"fkd .+": _fkd_does_what_its_script_does,
    r"make [a-z-]+": _make_knows_the_target,
    r"python -m pip (un)?install .+": _pip_would_accept,
    r"python -m venv .*|\. .*activate": _is_how_an_environment_is_made,
    r"python -m pytest": _pytest_collects,
    r"(cat photo.jpg \| )?python experiments/predict\.py .+": _predict_asks_for_an_ensemble,
    rf"{ANY_EXPERIMENT}( --.*)?": _experiment_plans,
    r"python experiments/report\.py.*": _report_asks_for_a_run,
    r"python experiments/results\.py.*": _results_are_looked_after,
    r"kaggle .+": _kaggle_is_spelt_as_its_manual_says,
    r"export RAY_.+": _ray_reads_these_variables,
    r"ray .+": _ray_knows_the_options,
    r"optuna-dashboard .+": _dashboard_takes_the_default_storage,
    r"uv pip compile .+": _uv_made_the_pins,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_works(command: str, results: Path) -> None:
    checks = [check for form, check in CHECKS.items() if re.fullmatch(form, command)]
    assert len(checks) == 1, f"no test knows this command of the README: {command}"
    checks[0](command, results)


def test_the_readme_opens_with_a_picture_and_the_two_commands() -> None:
    assert COMMANDS[:2] == ["make install", "make demo"]
    picture = README.index("![")
    assert picture < README.index("make install")


def test_the_path_in_miniature_leaves_the_demos_run_alone() -> None:
    lines = _run(["make", "--dry-run", "submission"]).stdout.splitlines()
    done = [line for line in lines if "experiments/" in line]
    assert [re.findall(r"(\w+)\.py.* --run (\w+)", line) for line in done] == [
        [("search_augment", "miniature")],
        [("build_ensemble", "miniature")],
    ]
    assert "--recipe tuned" in done[1], "of what was just found, not of the best recipe"
    assert "results/miniature/submission.csv" in README


def test_every_file_the_readme_shows_or_links_is_there_and_small() -> None:
    links = _links(README)
    assert links
    for link in links:
        assert (ROOT / link).is_file(), link
        assert (ROOT / link).stat().st_size < 200_000, link


def _links(page: str) -> list[str]:
    """Files that a page links; its own sections, and those of other pages, are checked as such."""
    links = re.findall(r"!?\[[^\]]*\]\(([^)]+)\)", page)
    return [file for link in links if (file := link.partition("#")[0]) and "://" not in file]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_every_file_a_page_links_is_there_and_the_index_knows_the_page(page: Path) -> None:
    for link in _links(page.read_text(encoding="utf-8")):
        assert (page.parent / link).is_file(), link
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert page.name == "README.md" or f"({page.name})" in index


@pytest.mark.parametrize("page", ["README.md", "docs/how-to.md", "docs/tutorial.md"])
def test_every_section_that_is_linked_is_there(page: str) -> None:
    for target, name in re.findall(r"\]\(([^)#]*)#([^)]+)\)", (ROOT / page).read_text("utf-8")):
        there = (ROOT / page).parent / target if target else ROOT / page
        heads = re.findall(r"^##+ (.+)", there.read_text("utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert name in slugs, name


def test_every_folder_of_the_tour_is_there() -> None:
    tour = README.split("## The folders")[1].split("\n## ")[0]
    folders = re.findall(r"`([a-z_/]+/)`", tour)
    assert len(folders) > 8
    for folder in folders:
        assert (ROOT / folder).is_dir(), folder


def test_no_pin_names_an_address() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.mark.slow
def test_the_demo_ends_with_what_the_readme_promises(searched: Path) -> None:
    """The smallest preset, to its end; the default one differs in its budget alone."""
    promised = PAGES["results"]
    for name in ("verdicts.csv", "policy.json", "config.json"):
        assert f"`augmentation/{name}`" in promised
        assert (searched / "demo" / "augmentation" / name).is_file(), name
    header = (searched / "demo" / "augmentation" / "verdicts.csv").read_text().splitlines()[0]
    for column in header.split(","):
        assert f"`{column}`" in promised, column
    for name in ("studies.db", "fits", "cache"):
        assert (searched / name).exists(), name
