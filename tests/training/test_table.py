"""Append-only tables, and rows of curves."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from ganpipe.training.table import NO_ROWS, Rows, Table, write_csv


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "SEGMENT_ROWS", 4)


def table(folder: Path) -> Table:
    made = Table(folder, "history", "<f4")
    made.columns = ("a", "b")
    return made


def numbers(start: int, stop: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.arange(2 * start, 2 * stop, dtype=np.float32).reshape(-1, 2)


def test_rows_are_read_as_they_were_appended(tmp_path: Path) -> None:
    written = table(tmp_path)
    for start, stop in ((0, 1), (1, 7), (7, 8), (8, 8), (8, 17)):
        written.append(numbers(start, stop))
        assert len(written) == stop
        for first, last in ((0, None), (3, 9), (stop, None)):
            expected = numbers(0, stop)[first:last]
            np.testing.assert_array_equal(written.read(first, last), expected)
            assert written.read(first, last).shape == expected.shape
    assert sorted(path.stat().st_size for path in tmp_path.iterdir()) == [8, 32, 32, 32, 32]


@pytest.mark.parametrize("length", range(11))
def test_restore_cuts_off_later_rows(length: int, tmp_path: Path) -> None:
    table(tmp_path).append(numbers(0, 10))
    (tmp_path / "history-00002.bin").open("ab").write(b"half")  # of a row, by a killed process
    (tmp_path / "history-00003.bin").write_bytes(bytes(8))
    restored = table(tmp_path)
    restored.restore(("a", "b"), length)
    np.testing.assert_array_equal(restored.read(), numbers(0, length))
    restored.append(numbers(20, 25))
    np.testing.assert_array_equal(restored.read(), np.concatenate([numbers(0, length), numbers(20, 25)]))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 8 * (length + 5)


def test_restore_for_reading_leaves_the_files_unchanged(tmp_path: Path) -> None:
    table(tmp_path).append(numbers(0, 10))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    restored = table(tmp_path)
    restored.restore(("a", "b"), 3, truncate=False)
    np.testing.assert_array_equal(restored.read(), numbers(0, 3))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("length", [11, 12, 20])
def test_missing_rows_are_an_error(length: int, tmp_path: Path) -> None:
    table(tmp_path).append(numbers(0, 10))
    with pytest.raises(ValueError, match=r"history-0000\d\.bin holds fewer rows than the checkpoint"):
        table(tmp_path).restore(("a", "b"), length)


def test_tables_of_one_folder_are_independent(tmp_path: Path) -> None:
    first, second = table(tmp_path), Table(tmp_path, "history-2", "<f8")
    second.columns = ("c",)
    first.append(numbers(0, 6))
    second.append(np.array([[0.1], [0.2]]))
    first.restore(("a", "b"), 0)
    assert second.read().tolist() == [[0.1], [0.2]]


def rows(start: int, stop: int) -> Rows:
    return Rows(("step",), ("a", "b"), np.arange(start, stop).reshape(-1, 1), numbers(start, stop))


def test_rows_are_a_sequence_of_mappings() -> None:
    found = rows(1, 4)
    expected = [{"step": 1, "a": 2.0, "b": 3.0}, {"step": 2, "a": 4.0, "b": 5.0}, {"step": 3, "a": 6.0, "b": 7.0}]
    assert list(found) == expected and len(found) == 3
    assert found[-1] == expected[-1] and list(found[1:]) == expected[1:]
    assert [type(value) for value in found[0].values()] == [int, float, float]
    assert list(rows(1, 3) + rows(3, 4)) == list(NO_ROWS + found) == list(found + NO_ROWS) == expected
    assert not NO_ROWS and found


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_rows_survive_json_with_all_bits(dtype: str) -> None:
    values = np.array([[0.1, float("nan")], [1e-40, -3e38]], dtype=dtype)
    original = Rows(("step",), ("a", "b"), np.array([[1], [2]]), values)
    copy = Rows.from_json(json.loads(json.dumps(original.to_json())))
    assert copy.scalars.dtype == values.dtype and copy.scalars.tobytes() == values.tobytes()
    assert (copy.position_names, copy.scalar_names) == (("step",), ("a", "b"))
    assert copy.positions.tolist() == [[1], [2]]
    assert len(Rows.from_json(json.loads(json.dumps(NO_ROWS.to_json())))) == 0


def test_rows_are_pickled_as_arrays() -> None:
    many = Rows(("step",), ("a", "b"), np.zeros((10_000, 1), np.int64), np.zeros((10_000, 2), np.float32))
    assert len(pickle.dumps(many)) < 10_000 * 17 + 1000


def test_csv_has_seven_digits(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ("n", "x", "name"), [[1, 1 / 3, "a,b"], [2, float("nan"), ""]])
    assert (tmp_path / "t.csv").read_text() == 'n,x,name\n1,0.3333333,"a,b"\n2,nan,\n'
