"""The store keeps whole results or none, whatever is killed, damaged or done twice."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fkd_core.fitting.store import FitStore

REPOSITORY = Path(__file__).parents[2]


def key_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def put_number(store: FitStore, number: int, size: int = 10) -> str:
    key = key_of(number)
    summary = {"model": "lenet5", "fold": number % 5, "rmse": number / 7, "failure": None}
    store.put(
        key, {"summary": summary, "spec": {"n": number}}, {"p": np.full(size, number, np.float32)}
    )
    return key


def file_of(store: FitStore, key: str) -> Path:
    return store.root / "fits" / key[:2] / f"{key}.fit"


def start_writer(root: Path, first: int, last: int, size: int = 10) -> subprocess.Popen[bytes]:
    program = (
        f"import sys; sys.path[:0] = [{str(REPOSITORY)!r}, {str(Path(__file__).parent)!r}]\n"
        "from pathlib import Path; from test_store import FitStore, put_number\n"
        f"store = FitStore(Path({str(root)!r})); print('ready', flush=True)\n"
        f"for n in range({first}, {last}): put_number(store, n, {size})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_what_is_put_comes_back_equal(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    record = {
        "summary": {"rmse": np.float32(1.5), "fold": 0},
        "spec": {"deep": {"list": [1, "é"]}},
    }
    arrays = {
        "file": np.arange(6, dtype=np.float32).reshape(2, 3),
        "meta": np.array([], np.int64),
        "history/loss": np.array([np.nan, np.inf]),
        "scalar": np.uint64(7),
    }
    store.put(key_of(1), record, arrays)
    stored = FitStore(tmp_path).get(key_of(1))
    assert stored is not None
    assert stored.record == {
        "summary": {"rmse": 1.5, "fold": 0},
        "spec": {"deep": {"list": [1, "é"]}},
    }
    assert stored.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert stored.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(stored.arrays[name], array)


def test_absent_keys_are_none_and_not_in_the_store(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    assert store.get(key_of(1)) is None
    assert key_of(1) not in store
    assert store.get_weights(key_of(1)) is None
    assert store.rows() == []


def test_the_first_result_of_a_key_stays(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    store.put(key_of(1), {"by": "first"}, {})
    store.put(key_of(1), {"by": "second"}, {})
    stored = store.get(key_of(1))
    assert stored is not None
    assert stored.record["by"] == "first"
    assert len(store.rows()) == 1


def test_a_discarded_result_can_be_put_anew_and_lists_its_new_summary(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    store.put(key_of(1), {"summary": {"failure": "out of memory"}}, {})
    store.put_weights(key_of(1), {"w": np.ones(2)})
    store.discard(key_of(1))
    assert key_of(1) not in store
    assert store.get_weights(key_of(1)) is None
    store.put(key_of(1), {"summary": {"failure": None, "rmse": 2.0}}, {})
    assert [row["failure"] for row in store.rows()] == [None]


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "ABCDEF0123", "abc", "a" * 200])
def test_a_key_that_is_no_digest_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        FitStore(tmp_path).put(key, {}, {})


@pytest.mark.parametrize(
    ("record", "arrays", "error"),
    [
        ({"summary": {"nested": {}}}, {}, TypeError),
        ({"summary": {"bytes": 3}}, {}, ValueError),
        ({"summary": [1]}, {}, TypeError),
        ({"spec": object()}, {}, TypeError),
        ({}, {"objects": np.array([{}])}, ValueError),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    tmp_path: Path, record: dict[str, object], arrays: dict[str, object], error: type[Exception]
) -> None:
    store = FitStore(tmp_path)
    with pytest.raises(error):
        store.put(key_of(1), record, arrays)  # type: ignore[arg-type]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("place", [0, 63, 64, 65, 100, 300, -1])
def test_any_damaged_byte_is_noticed_and_the_fit_can_be_redone(tmp_path: Path, place: int) -> None:
    store = FitStore(tmp_path)
    key = put_number(store, 3)
    path = file_of(store, key)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)
    assert store.get(key) is None
    assert key not in store
    assert store.rows() == []
    assert (tmp_path / "damaged" / path.name).is_file()
    put_number(store, 3)
    stored = store.get(key)
    assert stored is not None
    assert stored.record["spec"] == {"n": 3}


@pytest.mark.parametrize("kept", [0, 10, 64, 65, 200])
def test_a_truncated_file_is_absent_and_not_listed_once_that_is_seen(
    tmp_path: Path, kept: int
) -> None:
    store = FitStore(tmp_path)
    key = put_number(store, 3)
    os.truncate(file_of(store, key), kept)
    assert store.get(key) is None
    assert store.rows() == []


def test_an_entry_under_another_key_is_noticed(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    key = put_number(store, 1)
    other = file_of(store, key_of(2))
    other.parent.mkdir(parents=True)
    file_of(store, key).rename(other)
    assert store.get(key_of(2)) is None


def test_a_sealed_pickle_is_not_read(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    path = file_of(store, key_of(1))
    path.parent.mkdir(parents=True)
    payload = b"\x80\x04K\x01."
    path.write_bytes(hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
    assert store.get(key_of(1)) is None


def test_rows_filter_by_equality(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    for number in range(20):
        put_number(store, number)
    assert len(store.rows()) == 20
    rows = store.rows(model="lenet5", fold=2)
    assert [row["rmse"] for row in rows] == [n / 7 for n in (2, 7, 12, 17)]
    assert rows[0]["bytes"] == file_of(store, key_of(2)).stat().st_size
    assert store.rows(fold=9) == []
    assert store.rows(no_such_field=None) == []
    assert len(store.rows(failure=None)) == 20


@pytest.mark.parametrize("damage", ["deleted", "torn", "garbled", "binary"])
def test_a_lost_or_damaged_index_is_mended_from_the_files(tmp_path: Path, damage: str) -> None:
    store = FitStore(tmp_path)
    for number in range(20):
        put_number(store, number)
    wanted = store.rows()
    index = tmp_path / "index"
    content = index.read_bytes()
    if damage == "deleted":
        index.unlink()
    elif damage == "torn":
        index.write_bytes(content[: len(content) // 2])
    elif damage == "garbled":
        index.write_bytes(content.replace(b"lenet5", b"lenet4", 7))
    else:
        index.write_bytes(bytes(range(256)) * 10)
    assert store.rows() == wanted
    assert FitStore(tmp_path).rows() == wanted


def test_ten_thousand_fits_are_listed_without_opening_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fkd_core.files.os.fsync", lambda _: None)  # the disk is not the question
    store = FitStore(tmp_path)
    for number in range(10_000):
        summary = {"fold": number % 5, "number": number}
        store.put(key_of(number), {"summary": summary}, {"p": np.zeros(1)})

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr("fkd_core.fitting.store.read_sealed", refuse)
    assert {row["key"] for row in store.rows()} == {key_of(n) for n in range(10_000)}
    assert [row["number"] for row in store.rows(fold=2)] == list(range(2, 10_000, 5))


def test_the_index_does_not_grow_without_bound(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    for number in range(5):
        put_number(store, number)
    index = tmp_path / "index"
    index.write_bytes(index.read_bytes() * 1000)
    wanted = store.rows()
    assert len(wanted) == 5
    assert not index.read_bytes(), "it is gathered in the file beside it"
    assert store.rows() == wanted
    key = put_number(store, 5)
    assert [row["key"] for row in store.rows()] == [*(row["key"] for row in wanted), key]


def test_rows_of_any_form_come_back_from_the_gathered_index(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    forms = [
        {"text": "a", "number": 1, "share": 0.5, "yes": True, "none": None},
        {"text": "b", "number": 2.5, "share": float("inf"), "yes": False, "none": None},
        {"text": None, "number": 2**70, "other": -(2**63)},
        {},
    ]
    for number, form in enumerate(forms):
        store.put(key_of(number), {"summary": form}, {})
    wanted = store.rows()
    index = tmp_path / "index"
    index.write_bytes(index.read_bytes() * 1000)
    store.rows()
    assert (tmp_path / "index.columns").exists()
    found = FitStore(tmp_path).rows()
    assert found == wanted
    assert [list(map(type, row.values())) for row in found] == [
        list(map(type, row.values())) for row in wanted
    ]


def test_damaged_gathered_rows_are_read_again_from_the_files(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    for number in range(5):
        put_number(store, number)
    index, gathered = tmp_path / "index", tmp_path / "index.columns"
    index.write_bytes(index.read_bytes() * 1000)
    wanted = store.rows()
    gathered.write_bytes(gathered.read_bytes()[:-1] + b"!")
    assert FitStore(tmp_path).rows() == wanted


def test_a_result_made_anew_is_not_listed_with_what_was_discarded(tmp_path: Path) -> None:
    store, other = FitStore(tmp_path / "store"), FitStore(tmp_path / "other")
    store.put(key_of(1), {"summary": {"failure": "out of memory"}}, {})
    store.discard(key_of(1))
    other.put(key_of(1), {"summary": {"failure": None}}, {})
    file_of(other, key_of(1)).rename(file_of(store, key_of(1)))  # its writer died before its line
    assert [row["failure"] for row in store.rows()] == [None]


def test_a_writer_killed_at_any_moment_leaves_whole_results_only(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    random = np.random.default_rng(0)
    last = 0
    for _ in range(6):
        writer = start_writer(tmp_path, last, 100_000, size=50_000)
        end = time.monotonic() + random.uniform(0.01, 0.12)
        while time.monotonic() < end or not store.rows():
            store.rows()  # a reader at the same time
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        rows = store.rows()
        for row in rows:
            stored = store.get(row["key"])
            assert stored is not None
            assert stored.arrays["p"].shape == (50_000,)
            assert (stored.arrays["p"] == stored.record["spec"]["n"]).all()
            assert stored.record["summary"]["rmse"] == row["rmse"]
        last = len(rows)
        assert {row["key"] for row in rows} == {key_of(n) for n in range(last)}
    assert last > 0
    assert not (tmp_path / "damaged").exists()


def test_processes_may_put_the_same_and_different_keys_at_once(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, 0, 60), start_writer(tmp_path, 30, 90)]
    assert [writer.wait(timeout=600) for writer in writers] == [0, 0]
    store = FitStore(tmp_path)
    rows = store.rows()
    assert sorted(row["key"] for row in rows) == sorted(key_of(n) for n in range(90))
    assert all(row["key"] in store for row in rows)
    assert not (tmp_path / "damaged").exists()


def test_what_a_killed_writer_left_is_swept_a_day_later(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    key = put_number(store, 1)
    old, new = (file_of(store, key).with_name(f".{name}.fit.0.part") for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    a_week_ago = time.time() - 7 * 24 * 3600
    os.utime(old, (a_week_ago, a_week_ago))
    assert len(FitStore(tmp_path).rows()) == 1
    assert not old.exists()
    assert new.exists()


def test_only_the_weights_used_least_recently_are_dropped(tmp_path: Path) -> None:
    store = FitStore(tmp_path, limit_bytes=200_000)
    keys = [put_number(store, number) for number in range(4)]
    for age, key in enumerate(keys[:3]):
        store.put_weights(key, {"w": np.full(7_500, age, np.float64)})  # 60 kB each
        path = next((tmp_path / "weights").rglob(f"{key}*"))
        earlier = time.time() - 1000 + age
        os.utime(path, (earlier, earlier))
    assert store.get_weights(keys[0]) is not None  # used: now the most recent
    store.put_weights(keys[3], {"w": np.zeros(7_500)})
    assert [store.get_weights(key) is not None for key in keys] == [True, False, True, True]
    assert all(key in store for key in keys)
    assert FitStore(tmp_path, limit_bytes=0).get_weights(keys[3]) is None
    assert len(store.rows()) == 4


def test_files_are_looked_at_again_only_once_there_may_be_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    room = FitStore._make_room
    monkeypatch.setattr(FitStore, "_make_room", lambda store: made.append(1) or room(store))
    store = FitStore(tmp_path, limit_bytes=20_000_000)
    for number in range(4):  # 60 kB each; 200 kB are a hundredth
        store.put_weights(put_number(store, number), {"w": np.zeros(7_500)})
    assert len(made) == 2, "as it was opened, and after the last"
    full = FitStore(tmp_path, limit_bytes=250_000)
    for number in (4, 5):
        full.put_weights(put_number(full, number), {"w": np.zeros(7_500)})
        left = sum(path.stat().st_size for path in tmp_path.rglob("*.*"))
        assert left <= 250_000


def test_damaged_weights_are_absent_while_the_result_stays(tmp_path: Path) -> None:
    store = FitStore(tmp_path)
    key = put_number(store, 1)
    store.put_weights(key, {"dense/kernel": np.ones((3, 2), np.float32)})
    weights = store.get_weights(key)
    assert weights is not None
    np.testing.assert_array_equal(weights["dense/kernel"], np.ones((3, 2), np.float32))
    path = next((tmp_path / "weights").rglob(f"{key}*"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert store.get_weights(key) is None
    assert key in store


def test_the_store_imports_nothing_heavy() -> None:
    program = (
        "import sys; import fkd_core.fitting.store\n"
        "print([m for m in ('pandas', 'ray', 'optuna', 'cv2', 'scipy', 'keras', 'pickle5')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"
