from __future__ import annotations

import numpy as np
import pytest

from weightdesk.errors import DataError
from weightdesk.training.data.arrays import load

X = np.arange(8.0).reshape(4, 2)


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "data.npz", **arrays)
        return tmp_path / "data.npz"

    return write


def test_whole_numbers_are_labels_unless_told_otherwise(npz):
    file = npz(x=X, y=np.array([0, 1, 1, 0]))
    assert load(file).class_names == ("0", "1")
    assert load(file).inputs.tolist() == X.tolist()
    assert load(file, "regression").targets.tolist() == [[0], [1], [1], [0]]


def test_the_long_names_and_class_names_are_known(npz):
    found = load(npz(inputs=X, targets=np.array([0, 1, 1, 0]), class_names=np.array(["no", "yes", "never"])))
    assert found.class_names == ("no", "yes", "never")


def test_several_values_can_be_predicted_at_once(npz):
    found = load(npz(x=X, y=np.ones((4, 3)) * X[:, :1]))
    assert found.outputs == 3
    assert found.target_names == ("target 1", "target 2", "target 3")


def test_float_labels_are_taken_where_asked_for(npz):
    assert load(npz(x=X, y=np.array([0.0, 1.0, 1.0, 0.0])), "classification").outputs == 2


def test_one_input_an_example_may_lie_flat(npz):
    assert load(npz(x=X[:, 0], y=X[:, 1])).input_shape == (1,)


@pytest.mark.parametrize(
    ("arrays", "task", "words"),
    [
        ({"x": X}, None, "no array targets or y or Y or labels, it has x"),
        ({"y": X}, None, "no array inputs or x or X, it has y"),
        ({"x": X, "y": np.array(list("abab"))}, None, "array y of .* must hold numbers"),
        ({"x": np.float64(3), "y": X}, None, "array x of .* must hold numbers"),
        ({"x": np.array([{}, {}]), "y": X}, None, "cannot read .* as arrays of numbers"),
        ({"x": X, "y": np.array([0, 1, 5, 0])}, None, "out of range: 3 classes must be numbered 0 to 2"),
        ({"x": X, "y": np.array([-1, 1, 1, -1])}, None, "out of range"),
        (
            {"x": X, "y": np.array([0, 1, 2, 0]), "class_names": np.array(["a", "b"])},
            None,
            "labels must be 0 to 1",
        ),
        ({"x": X, "y": np.zeros(4, dtype=int)}, None, "one class only"),
        ({"x": X, "y": X}, "classification", "whole numbers in one dimension"),
        ({"x": X, "y": X[:, 0] + 0.5}, "classification", "whole numbers in one dimension"),
        ({"x": X, "y": np.array([0, 1, 0])}, None, "4 inputs and 3 targets"),
        ({"x": X + np.inf, "y": np.array([0, 1, 1, 0])}, None, "inputs must be finite"),
    ],
)
def test_bad_arrays_are_told_in_one_line(npz, arrays, task, words):
    with pytest.raises(DataError, match=words) as raised:
        load(npz(**arrays), task)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04cut short"])
def test_an_unreadable_file_is_named(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*data\.npz"):
        load(tmp_path / "data.npz")
