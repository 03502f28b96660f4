"""Random numbers by address: the published generator, even and independent."""

from __future__ import annotations

import numpy as np
import pytest

from fkd_core.augment.draws import philox, uniform

ROWS = np.arange(2000, dtype=np.int32)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            "243f6a88 85a308d3 13198a2e 03707344",
            "a4093822 299f31d0",
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_generator_gives_its_authors_known_answers(
    counter: str, key: str, expected: str
) -> None:
    words = np.array([int(word, 16) for word in counter.split()], np.uint64)
    low, high = (int(word, 16) for word in key.split())
    assert [f"{word:08x}" for word in philox(words, (low, high))] == expected.split()


def test_numbers_are_even_and_none_is_drawn_twice() -> None:
    drawn = np.concatenate(
        [
            uniform(seed, copy, ROWS, stream, 9).ravel()
            for seed, copy, stream in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2**32, 0, 0))
        ]
    )
    assert 0 < drawn.min() < drawn.max() < 1
    share, _ = np.histogram(drawn, 10, (0, 1))
    np.testing.assert_allclose(share / len(drawn), 0.1, atol=0.005)
    assert len(np.unique(drawn)) > 0.9999 * len(drawn)


def test_a_face_draws_the_same_whoever_is_beside_it_and_however_many_it_draws() -> None:
    some = ROWS[[5, 1999, 7]]
    assert np.array_equal(uniform(3, 2, some, 1, 9), uniform(3, 2, ROWS, 1, 9)[:, some])
    assert np.array_equal(uniform(3, 2, ROWS, 1, 3), uniform(3, 2, ROWS, 1, 9)[:3])
