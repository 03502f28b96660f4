"""The page of a run says what was found, shows it, and needs nothing but itself."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_run import audited, combined, competition_of, searched, tuned
from optuna import create_study
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

from fkd_core.data.faces import Faces
from fkd_core.errors import UserError
from fkd_core.experiments.report import Report, chosen
from fkd_core.report.page.found import Found, gather
from fkd_core.report.page.page import page
from fkd_core.report.page.words import MEANINGS
from fkd_core.report.page.writing import close, places_of, write_report
from fkd_core.shared_options import Options
from fkd_core.studies.storage import open_storage

GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, faces: Faces) -> Options:
    """A results folder after all three commands."""
    results = tmp_path_factory.mktemp("results")
    searched(results, faces)
    tuned(results, faces)
    audited(results, faces)
    return combined(results, faces)


@pytest.fixture(scope="module")
def html(whole: Options, faces: Faces) -> str:
    return page(gather(places_of(whole), competition_of(faces)))


def words(html: str) -> str:
    """What is read on it."""
    return " ".join(re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", html, flags=re.S).split())


def sections(html: str) -> list[str]:
    return re.findall(r'<section (?:class="answer" )?id="(\w+)"', html)


def test_what_fits_on_all_faces_should_err_by_is_a_bound(whole: Options, faces: Faces) -> None:
    found = gather(places_of(whole), competition_of(faces))
    ensemble = {**found.configs["ensemble"], "refits": 5}
    html = page(replace(found, configs={**found.configs, "ensemble": ensemble}))
    assert "and should err less: at most 2.250 px, reckoned by" in words(html)


def test_a_score_of_a_part_of_what_is_requested_is_called_that(
    whole: Options, faces: Faces
) -> None:
    found = gather(places_of(whole), competition_of(faces))
    score = [{**row, "covers": "0.62"} for row in found.tables["score"]]
    said = words(page(replace(found, tables={**found.tables, "score": score})))
    assert "on faces that chose nothing, of 62% of what the competition requests." in said
    assert "Score, of 62% of what the competition requests" in said
    assert "as the competition weights it" not in said


def test_the_answer_comes_first_in_plain_words_and_ends_with_the_next_command(html: str) -> None:
    answer = words(html.split('<section id="scores">')[0])
    assert "By 2.300 (2.200 .. 2.400) px RMSE, on faces that chose nothing" in answer
    assert "mean 2.500, best member 2.400 and reference 3.100" in answer
    assert "and should err less: 2.250 px, reckoned by" in answer
    assert "mirror (-0.400 px) and rotation (-0.300 px); too small to matter: brighten" in answer
    assert "harmful: coarse dropout (+0.200 px); 2 stay undecided" in answer
    assert "rotation, ±12.0 degrees in 40% of the copies; mirror in 50% of the copies" in answer
    assert "kaggle competitions submit -c facial-keypoints-detection -f" in answer
    assert (
        "On faces that chose nothing it changes the RMSE by -0.450 (-0.550 .. -0.350) px."
        in answer
    )


def test_every_section_is_there_once_and_every_link_leads_to_one(html: str) -> None:
    found = sections(html)
    assert found == [
        "answer", "scores", "verdicts", "policy", "searches", "curves", "keypoints", "worst",
        "labels", "tests", "members", "promises", "costs", "provenance", "words",
    ]  # fmt: skip
    assert re.findall(r'href="#(\w+)"', html) == found


def test_it_needs_no_network_and_is_small(html: str) -> None:
    sources = re.findall(r'(?:src|href)="(?!#)([^"]{0,30})', html)
    assert [source for source in sources if not source.startswith("data:")] == [
        "audit/gallery.html"
    ], "a link to another file of the run"
    assert not re.search(r"@import|url\(", html)
    assert len(html) < 2_000_000


def test_the_forest_plot_has_settings_in_their_units_and_an_arrow_for_what_is_far(
    html: str,
) -> None:
    plot = html.split('<section id="verdicts">')[1].split("</section>")[0]
    rows = re.findall(r'<text class="label[^>]*>([^<]+)', plot)
    assert rows[:4] == [
        "mirror", "rotation, ±12.0 degrees", "shear, ±9.0 degrees",
        "brighten, up to 1.32 times as bright",
    ]  # fmt: skip
    assert "under 0.015 px" in words(plot)
    assert "* No verdict where the signs <disagree>." in words(plot).replace("&lt;", "<").replace(
        "&gt;", ">"
    )


def test_how_sure_it_is_can_be_read_without_a_pointer(html: str) -> None:
    shown = words(html)
    assert "augmentation second opinion at half length, px 95% interval, px mirror" in shown
    assert "rotation, ±12.0 degrees helps 90% -0.300 -0.380 .. -0.220" in shown
    assert "configuration is the best on confirm, px against the reference" in shown
    assert "trial 7 83% 1.600 -0.900 (-1.200 .. -0.600) 1.500" in shown
    sure = "That trial 7 is the best of the 2 that came to set confirm has a probability of 83%."
    assert sure in shown


def test_each_figure_of_a_command_names_it_with_its_data_and_seed(html: str, faces: Faces) -> None:
    made = [
        words(each)
        for each in re.findall(r'<p class="made">(.*?)</p>', html.split('"provenance"')[0])
    ]
    assert len(made) > 15
    for line in made:
        assert line.startswith("python experiments/")
        assert f"data {faces.fingerprint[:16]}" in line
        assert "seed 0" in line


def test_the_worst_faces_come_first(html: str) -> None:
    worst = html.split('<section id="worst">')[1].split("</figure>\n")[0]
    captions = [float(e) for e in re.findall(r"<figcaption>([\d.]+) px · row \d+", worst)]
    complete = captions[:18]
    assert len(captions) > 18
    assert complete == sorted(complete, reverse=True)


@pytest.mark.parametrize(
    ("make", "has", "lacks", "following"),
    [
        (searched, "verdicts", "members", "experiments/tune_models.py"),
        (tuned, "promises", "members", "experiments/build_ensemble.py"),
        (combined, "members", "compared", "kaggle competitions submit"),
    ],
)
def test_a_run_of_one_command_says_how_the_rest_is_made(
    make, has: str, lacks: str, following: str, tmp_path: Path, faces: Faces
) -> None:
    options = make(tmp_path, faces)
    html = page(gather(places_of(options), competition_of(faces)))
    assert has in sections(html)
    assert lacks not in sections(html)
    answer = words(html.split("<h2>")[1])
    assert following in answer
    lines = [words(each) for each in re.findall(r'<p class="missing">(.*?)</p>', html)]
    assert lines
    assert all(f"--results {tmp_path}" in line for line in lines)


@pytest.mark.parametrize(
    ("trials", "charts"),
    [
        (4, []),
        (6, ["history", "trials side by side"]),
        (40, ["history", "what mattered", "trials side by side"]),
    ],
)
def test_a_study_has_the_charts_that_its_trials_suffice_for(
    trials: int, charts: list[str], tmp_path: Path, faces: Faces
) -> None:
    options = tuned(tmp_path, faces, trials)  # every fifth is stopped early
    html = page(gather(places_of(options), competition_of(faces)))
    assert re.findall(r">tuning, complete, lenet5: ([a-z ]+)<", html) == charts
    assert ("Searches</h3>" in html) == (not charts)


def test_arms_that_have_met_are_no_search(tmp_path: Path, faces: Faces) -> None:
    options = searched(tmp_path, faces)
    study = create_study(
        storage=open_storage(options.storage_url).optuna,
        study_name="augmentation/complete/confirm@01ab",
    )
    names = ("mirror", "shear", "gamma", "brighten", "rotation")
    kinds = {"arm": CategoricalDistribution(names)}
    for value, name in enumerate(names):
        params = {"arm": name}
        study.add_trial(create_trial(value=value, params=params, distributions=kinds))
    html = page(gather(places_of(options), competition_of(faces)))
    assert "augmentation, complete, confirm: history" not in html
    assert "augmentation, complete, confirm 5 0 0 +0.000" in words(html)


def test_an_empty_run_and_one_without_its_faces_have_a_page(
    tmp_path: Path, whole: Options
) -> None:
    nothing = page(gather(places_of(Options(results=tmp_path)), None))
    assert "Nothing has been measured yet." in nothing
    blind = page(gather(places_of(whole), None))
    assert "The run&#x27;s faces cannot be read" in blind
    assert "tests" not in sections(blind)
    assert "members" in sections(blind)


def test_fits_of_other_faces_are_not_among_the_learning_curves(
    whole: Options, faces: Faces
) -> None:
    other = faces.take(range(30))
    assert len(gather(places_of(whole), competition_of(faces)).curves) == 7
    assert not gather(places_of(whole), competition_of(other)).curves


def test_a_command_ends_with_its_answer_the_page_and_the_next_command(
    tmp_path: Path, faces: Faces, capsys: pytest.CaptureFixture[str]
) -> None:
    options = combined(tmp_path, faces)
    close(options, competition_of(faces), "ensemble")
    said = capsys.readouterr().out
    assert "By 2.300 (2.200 .. 2.400) px RMSE" in said
    assert str(tmp_path / "demo" / "report.html") in said
    assert '-m "RMSE 2.300 px on held-out faces"' in said
    once = "Set final of these pictures was scored once here"
    assert once in said
    assert once in (tmp_path / "demo" / "report.html").read_text()
    assert "What was found" in (tmp_path / "demo" / "report.html").read_text()


def test_an_audit_ends_with_what_was_found_and_how_it_goes_on(
    tmp_path: Path, faces: Faces, capsys: pytest.CaptureFixture[str]
) -> None:
    close(audited(tmp_path, faces), competition_of(faces), "audit")
    said = capsys.readouterr().out
    assert (
        "Which labels are wrong? 2 of 4 faces have labels that are more likely wrong than right: "
        "wrong point 1 and shifted 1.\n"
    ) in said
    assert f"to look at: {tmp_path / 'demo' / 'audit' / 'gallery.html'}" in said
    judges = "--preset full --epochs 3"
    command = f"python experiments/audit_labels.py --results {tmp_path} {judges} --apply"
    assert f"{command} label_corrections.csv" in said
    html = (tmp_path / "demo" / "report.html").read_text()
    shown = html.split('<section id="labels">')[1].split("</section>")[0]
    assert re.findall(r"<figcaption>([^<]+)", shown) == [
        f"row {faces.row[at]} · {reason} · 4.2 px off"
        for at, reason in enumerate(("wrong point", "shifted", "wrong point", "swapped"))
    ]
    close(audited(tmp_path, faces, applied=True), competition_of(faces), "audit")
    said = capsys.readouterr().out
    assert "changes the RMSE by -0.200 (-0.300 .. -0.100) px, on labels that nobody" in said
    assert f"build_ensemble.py --corrections label_corrections.csv --results {tmp_path}" in said
    assert "left out, scored on corrected labels" in (tmp_path / "demo/report.html").read_text()


def test_the_gallery_is_found_from_wherever_the_page_lies(tmp_path: Path, faces: Faces) -> None:
    options = audited(tmp_path / "results", faces)
    path = write_report(options, competition_of(faces), tmp_path / "elsewhere" / "page.html")
    (address,) = re.findall(r'href="([^"]+gallery.html)"', path.read_text())
    assert (path.parent / address).samefile(options.outcomes.audit / "gallery.html")


def test_trouble_with_the_page_ends_no_command(
    tmp_path: Path, faces: Faces, capsys: pytest.CaptureFixture[str]
) -> None:
    options = searched(tmp_path, faces)
    (tmp_path / "demo" / "report.html").mkdir()
    close(options, competition_of(faces), "augmentation")
    assert "python experiments/report.py --results" in capsys.readouterr().out


def test_two_runs_are_set_side_by_side(whole: Options, faces: Faces, tmp_path: Path) -> None:
    shutil.copytree(whole.results, tmp_path / "both")
    runs = tmp_path / "both"
    shutil.copytree(runs / "demo", runs / "other")
    config = runs / "other" / "ensemble" / "config.json"
    told = json.loads(config.read_text())
    told["options"]["seed"] = 7
    config.write_text(json.dumps(told))
    one, two = (
        gather(places_of(Options(results=runs, run=n)), competition_of(faces))
        for n in ("demo", "other")
    )
    compared = beside(one, two)
    assert "demo: ensemble" in compared
    assert "other: ensemble" in compared
    assert "ensemble seed 0 7" in compared
    assert "Both runs are of the same pictures." in compared
    assert "demo against other, face by face" in compared
    assert "+0.000 (+0.000 .. +0.000) px" in compared
    counted = [int((half.final).sum()) for half in one.said.values()]
    assert f"{counted[0]} complete faces and {counted[1]} partial faces of set final" in compared
    assert "demo against other, each keypoint of complete faces" in compared
    assert "the faces cannot be read" in beside(replace(one, competition=None), two)
    assert "other kept no answers" in beside(one, replace(two, said={}))


def beside(one: Found, two: Found) -> str:
    return words(page(one, two).split('<section id="compared">')[1].split("</section>")[0])


def test_the_run_that_was_worked_on_last_is_meant_and_an_unknown_one_is_named(
    tmp_path: Path, faces: Faces
) -> None:
    searched(tmp_path, faces)
    assert chosen(Report(results=tmp_path)).name == "demo"
    with pytest.raises(UserError, match=r"there is no run other .*: demo"):
        Report(results=tmp_path, run="other").check()
    with pytest.raises(UserError, match=r"--out: .* is a folder; give a file in it, as rep"):
        Report(results=tmp_path, out=tmp_path).check()


def test_its_words_mean_what_the_glossary_says() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", GLOSSARY.read_text(), re.M)
    known = dict(rows)
    shared = MEANINGS.keys() & known.keys()
    assert len(shared) > 8
    for word in shared:
        assert known[word].startswith(MEANINGS[word]), word
