"""What shows one photograph shares a group, whatever its crop, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pictures_for_tests import pictures

from fkd_core.data import grouping
from fkd_core.data.demo.files import make_training
from fkd_core.data.duplicates import Pairs
from fkd_core.data.grouping import clusters, digests, group_images, photographs

Images = NDArray[np.uint8]


def crop(face: Images, turn: float, zoom: float, shift: tuple[float, float]) -> Images:
    """Another crop: `turn` degrees, `zoom` times as much of the photograph, moved by px."""
    matrix = cv2.getRotationMatrix2D((47.5, 47.5), turn, zoom)
    matrix[:, 2] += shift
    how, beyond = cv2.INTER_CUBIC, cv2.BORDER_REFLECT
    return np.asarray(cv2.warpAffine(face, matrix, (96, 96), flags=how, borderMode=beyond))


def groups(images: Images) -> NDArray[np.uint64]:
    return group_images(images, digests(images)).group


def test_photographs_are_kept_by_their_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = pictures(30)
    images[7] = images[3]
    found = photographs(images, tmp_path, look_only=True)
    assert not list(tmp_path.iterdir())
    assert found[7] == found[3]
    assert np.array_equal(photographs(images, tmp_path), found)
    monkeypatch.setattr(grouping, "pairs", None)  # what is kept is not looked for again
    assert np.array_equal(photographs(images, tmp_path, look_only=True), found)
    with pytest.raises(TypeError):
        photographs(images[::-1], tmp_path)


def test_groups_depend_on_pixels_and_not_on_row_order() -> None:
    images = pictures(30)
    near = images[0].copy()
    near[10, 10] += 1
    images = np.concatenate([images, near[None], images[3:4]])
    before = group_images(images, digests(images))
    order = np.random.default_rng(2).permutation(len(images))
    after = group_images(images[order], digests(images[order]))
    assert np.array_equal(after.group, before.group[order])
    assert before.group[30] == before.group[0]
    assert before.group[31] == before.group[3]
    assert len(np.unique(before.group)) == 30
    assert before.clusters == 1
    smallest = min(digests(images[[0, 30]]), key=bytes)
    assert int(before.group[0]) == int.from_bytes(bytes(smallest[:8]), "big")


def test_another_contrast_a_little_noise_and_a_mirror_image_are_one_photograph() -> None:
    image = pictures(1)[0].astype(np.float64)
    noise = np.random.default_rng(3).normal(0, 4, image.shape)
    family = [image, 0.6 * image + 30, np.clip(image + noise, 0, 255), image[:, ::-1]]
    group = groups(np.concatenate([np.array(family).astype(np.uint8), pictures(20, seed=5)]))
    assert len(set(group[:4].tolist())) == 1
    assert len(np.unique(group)) == 21


@pytest.mark.parametrize("mirrored", [False, True], ids=["", "mirrored"])
def test_a_face_in_another_crop_is_found_and_no_two_faces_are_taken_for_one(
    mirrored: bool,
) -> None:
    faces = make_training(60, seed=3).images
    before = groups(faces)
    changes = [(10, 1, (0, 0)), (0, 1.1, (0, 0)), (0, 0.91, (3, 3)), (-7, 1.06, (-5, 4))]
    crops = np.stack([crop(face, *changes[k % 4]) for k, face in enumerate(faces)])
    crops = (crops * 0.85 + 20).astype(np.uint8) // 4 * 4
    after = groups(np.concatenate([faces, crops[:, :, ::-1] if mirrored else crops]))
    found = after[:60] == after[60:]
    assert found.mean() >= 0.95
    assert len(np.unique(before)) == len(np.unique(after[:60])) == 54  # six twins are drawn


def test_a_chain_of_over_ten_is_parted_where_it_is_least_alike() -> None:
    left = np.arange(11)
    likeness = np.full(11, 0.96, np.float32)
    likeness[4] = 0.95
    cluster = clusters(Pairs(left, left + 1, likeness), 14)
    assert cluster.tolist() == [0] * 5 + [5] * 7 + [12, 13]
    assert set(clusters(Pairs(left[:9], left[:9] + 1, likeness[:9]), 10).tolist()) == {0}


def test_sure_copies_stay_together_however_many_they_are() -> None:
    images = np.repeat(pictures(1), 40, axis=0)
    images[:, 0, 0] = np.arange(40)
    images = np.concatenate([images, pictures(20, seed=7)])
    found = group_images(images, digests(images))
    assert len(np.unique(found.group[:40])) == 1
    assert len(np.unique(found.group)) == 21
    assert found.left_apart == 0


def test_pictures_that_show_nothing_are_alike_only_where_they_are_equal() -> None:
    images = np.repeat(np.array([7, 7, 90], np.uint8), 96 * 96).reshape(3, 96, 96)
    group = groups(images)
    assert group[0] == group[1] != group[2]
