"""Who answers which image, the merge of two pipelines, and a file that is right or not there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fkd_core.data.archive import SAMPLE, Stored
from fkd_core.data.kaggle import Lookup
from fkd_core.data.parsing import parse_sample
from fkd_core.ensemble.submission import merged, obstacle, requested_share, route, write_submission
from fkd_core.errors import UserError
from fkd_core.keypoints import KEYPOINTS
from fkd_core.sources import COMPLETE, PARTIAL

MOUTH_CORNER = KEYPOINTS.index("mouth_left_corner")


def lookup_of(requests: Sequence[tuple[int, int, int]]) -> Lookup:
    """Of (image, keypoint, axis) in order, with RowIds from 1."""
    image, keypoint, axis = np.array(requests).T
    return Lookup(
        np.arange(1, len(requests) + 1, dtype=np.int32),
        image.astype(np.int32),
        keypoint.astype(np.int8),
        axis.astype(np.int8),
    )


def both(image: int, keypoints: Sequence[int]) -> list[tuple[int, int, int]]:
    return [(image, keypoint, axis) for keypoint in keypoints for axis in (0, 1)]


def official_like() -> Lookup:
    """591 images with 9 to 15 keypoints and 1192 with 3 or 4, numbers as in the official one."""
    random = np.random.default_rng(0)
    complete = np.repeat([15, 14, 13, 12, 11, 10, 9], [556, 18, 9, 3, 2, 2, 1])
    requests: list[tuple[int, int, int]] = []
    for image, number in enumerate(random.permutation(complete), start=1):
        requests += both(image, np.sort(random.choice(15, number, replace=False)).tolist())
    for image in range(592, 1784):
        requests += both(image, PARTIAL.keypoints[: 3 if image in (782, 957) else 4])
    return lookup_of(requests)


def predictions_of(images: int, seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        pipeline.name: random.uniform(0, 96, (images, len(pipeline.keypoints), 2))
        for pipeline in (COMPLETE, PARTIAL)
    }


SMALL = lookup_of([*both(3, range(15)), *both(8, PARTIAL.keypoints), *both(5, [10])])
SMALL_IDS = np.array([8, 3, 5], np.int32)


BOTH = ("complete", "partial")


def test_without_an_own_answer_for_every_image_there_is_no_submission_and_it_is_said_why() -> None:
    official = official_like()
    assert obstacle(official, BOTH, BOTH) == ""
    assert obstacle(official, BOTH, BOTH, absent=["test.csv"]) == "No test.csv, so no submission."
    assert "No test.csv and IdLookupTable.csv" in obstacle(
        None, {"complete"}, BOTH, absent=["test.csv", "IdLookupTable.csv"]
    )
    alone = obstacle(official, {"complete"}, BOTH)
    assert "1192 images in partial's style" in alone
    assert "--pipelines complete partial, or joint" in alone
    assert "--other-style" in alone
    assert obstacle(official, {"complete"}, BOTH, borrow=True) == ""
    for borrow in (False, True):
        impossible = obstacle(official, {"partial"}, BOTH, borrow)
        assert "591 images in complete's style" in impossible
        assert "--other-style" not in impossible


def test_nobody_is_told_to_train_on_labels_that_are_not_there() -> None:
    said = obstacle(official_like(), {"complete"}, {"complete"})
    assert "No training face has labels of partial." in said
    assert "--pipelines" not in said
    assert said.endswith(
        "For one, --other-style answers them in another's, whose points lie elsewhere."
    )
    alone = obstacle(official_like(), {"partial"}, {"partial"})
    assert alone.endswith("No training face has labels of complete.")


def test_images_of_the_official_structure_go_to_the_pipeline_of_their_annotator() -> None:
    lookup = official_like()
    routed = route(lookup)
    assert list(routed) == list(range(1, 1784))
    assert all(routed[image] == "complete" for image in range(1, 592))
    assert all(routed[image] == "partial" for image in range(592, 1784))
    assert requested_share(lookup) == {"complete": 17592, "partial": 9532}


def test_an_image_goes_to_complete_for_one_keypoint_that_partial_does_not_know() -> None:
    lookup = lookup_of([*both(1, [0, 1]), (2, 10, 0), (2, MOUTH_CORNER, 1)])
    assert route(lookup) == {1: "partial", 2: "complete"}
    assert requested_share(lookup) == {"complete": 2, "partial": 4}


def test_each_request_gets_its_own_image_keypoint_and_axis() -> None:
    predicted = predictions_of(3)
    found = merged(SMALL, SMALL_IDS, predicted)
    assert found.dtype == np.float64
    assert found[:30].tolist() == predicted["complete"][1].ravel().tolist()
    assert found[30:38].tolist() == predicted["partial"][0].ravel().tolist()
    nose = PARTIAL.keypoints.index(10)
    assert found[38:].tolist() == predicted["partial"][2, nose].tolist()


def test_the_order_of_test_images_does_not_matter() -> None:
    lookup, ids, predicted = official_like(), np.arange(1, 1784), predictions_of(1783)
    order = np.random.default_rng(2).permutation(1783)
    shuffled = {name: points[order] for name, points in predicted.items()}
    assert np.array_equal(merged(lookup, ids, predicted), merged(lookup, ids[order], shuffled))


def test_complete_alone_answers_everything() -> None:
    predicted = predictions_of(3)
    found = merged(SMALL, SMALL_IDS, {"complete": predicted["complete"]})
    wanted = predicted["complete"][0, list(PARTIAL.keypoints)]
    assert found[30:38].tolist() == wanted.ravel().tolist()


def test_partial_alone_answers_what_it_can() -> None:
    lookup, predicted = lookup_of(both(8, PARTIAL.keypoints)), predictions_of(3)
    found = merged(lookup, SMALL_IDS, {"partial": predicted["partial"]})
    assert found.tolist() == predicted["partial"][0].ravel().tolist()


def test_partial_alone_where_complete_is_needed_names_images_and_remedy() -> None:
    lookup = official_like()
    with pytest.raises(UserError) as caught:
        merged(lookup, np.arange(1, 1784), {"partial": predictions_of(1783)["partial"]})
    message = str(caught.value)
    assert "ImageId 1, 2, 3, 4, 5 and 586 more" in message
    assert "--pipelines complete partial" in message
    assert "\n" not in message


def test_locations_far_outside_are_clipped_to_the_picture() -> None:
    predicted = predictions_of(3)
    predicted["complete"][1, 0] = (-1e9, 1e300)
    predicted["partial"][0, 0] = (96.0000001, -0.0)
    found = merged(SMALL, SMALL_IDS, predicted)
    assert found[:2].tolist() == [0, 96]
    assert found[30:32].tolist() == [96, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_requested_prediction_that_is_no_number_is_refused(bad: float) -> None:
    predicted = predictions_of(3)
    predicted["complete"][1, 10, 1] = bad
    with pytest.raises(ValueError, match="image 3, nose_tip"):
        merged(SMALL, SMALL_IDS, predicted)


def test_what_only_a_bug_can_cause_is_refused() -> None:
    predicted = predictions_of(3)
    with pytest.raises(ValueError, match="image 5"):
        merged(SMALL, SMALL_IDS[:2], {name: p[:2] for name, p in predicted.items()})
    with pytest.raises(ValueError, match="shape"):
        merged(SMALL, SMALL_IDS, {**predicted, "partial": predicted["complete"]})
    with pytest.raises(ValueError, match="source 'joint'"):
        merged(SMALL, SMALL_IDS, {**predicted, "joint": predicted["complete"]})


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_requests_and_finite_predictions_give_a_file_in_their_order(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    everything = [request for image in (3, 5, 8) for request in both(image, range(15))]
    some = data.draw(st.permutations(everything))[: data.draw(st.integers(1, 90))]
    lookup = lookup_of(some)
    row_ids = data.draw(st.permutations(range(1, len(some) + 1)))
    lookup = Lookup(np.array(row_ids, np.int32), lookup.image_id, lookup.keypoint, lookup.axis)
    finite = st.floats(allow_nan=False, allow_infinity=False)
    values = data.draw(st.lists(finite, min_size=19, max_size=19))
    predicted = {
        "complete": np.resize(values, (3, 15, 2)),
        "partial": np.resize(values[::-1], (3, 4, 2)),
    }
    path = tmp_path_factory.getbasetemp() / "any" / "submission.csv"
    locations = merged(lookup, SMALL_IDS, predicted)
    write_submission(path, lookup, locations)

    text = path.read_bytes().decode("ascii")
    header, *lines = text.removesuffix("\n").split("\n")
    assert header == "RowId,Location"
    assert all(re.fullmatch(r"\d+,\d{1,2}\.\d{6}", line) for line in lines)
    assert [int(line.split(",")[0]) for line in lines] == row_ids
    found = [float(line.split(",")[1]) for line in lines]
    assert found == pytest.approx(locations.tolist(), abs=6e-7)
    assert all(0 <= location <= 96 for location in found)
    assert [each.name for each in path.parent.iterdir()] == ["submission.csv"]


def test_the_file_is_one_that_the_competitions_reader_accepts(tmp_path: Path) -> None:
    lookup, path = official_like(), tmp_path / "submission.csv"
    write_submission(path, lookup, merged(lookup, np.arange(1, 1784), predictions_of(1783)))
    arrays, _ = parse_sample(Stored(SAMPLE, path))
    row_id = arrays["row_id"]
    assert row_id.tolist() == lookup.row_id.tolist() == list(range(1, 27125))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e-3, 96.001])
def test_a_bad_location_is_refused_and_an_earlier_file_stays(tmp_path: Path, bad: float) -> None:
    locations = np.full(len(SMALL.row_id), 48.0)
    locations[4] = bad
    with pytest.raises(ValueError, match="RowId 5"):
        write_submission(tmp_path / "new" / "submission.csv", SMALL, locations)
    assert list(tmp_path.iterdir()) == []
    old = tmp_path / "submission.csv"
    old.write_text("kept", encoding="utf-8")
    with pytest.raises(ValueError, match="RowId 5"):
        write_submission(old, SMALL, locations)
    assert old.read_text(encoding="utf-8") == "kept"
    assert list(tmp_path.iterdir()) == [old]


def test_too_few_locations_and_doubled_row_ids_are_refused(tmp_path: Path) -> None:
    locations = np.full(len(SMALL.row_id), 48.0)
    with pytest.raises(ValueError, match="requested"):
        write_submission(tmp_path / "submission.csv", SMALL, locations[:-1])
    doubled = SMALL.row_id.copy()
    doubled[1] = doubled[0]
    twice = Lookup(doubled, SMALL.image_id, SMALL.keypoint, SMALL.axis)
    with pytest.raises(ValueError, match="twice"):
        write_submission(tmp_path / "submission.csv", twice, locations)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [lambda text: text[:-30], lambda text: ""])
def test_a_file_that_does_not_hold_what_was_written_never_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[str], str]
) -> None:
    whole = Path.write_text
    monkeypatch.setattr(
        Path,
        "write_text",
        lambda path, text, *rest, **options: whole(path, damage(text), *rest, **options),
    )
    with pytest.raises(UserError, match="does not hold what was written"):
        write_submission(tmp_path / "submission.csv", SMALL, np.full(len(SMALL.row_id), 48.0))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(UserError, match=r"submission\.csv can't be written"):
        write_submission(
            tmp_path / "taken" / "submission.csv", SMALL, np.full(len(SMALL.row_id), 48.0)
        )
