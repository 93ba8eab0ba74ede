from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from weightdesk.errors import DataError
from weightdesk.training.data.idx import load, read_idx

CODES = {">u1": 0x08, ">i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def encode(array: np.ndarray, dtype: str = ">u1") -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, CODES[dtype], array.ndim]) + shape + array.astype(dtype).tobytes()


@pytest.fixture
def folder(tmp_path):
    def write(train=8, test=0, zipped=False, **changed):
        for part, count in (("train", train), ("t10k", test)):
            pictures = np.arange(count * 6).reshape(count, 2, 3) % 256
            labels = np.arange(count) % 3
            arrays_of = {"images-idx3": pictures, "labels-idx1": labels}
            for name, array in arrays_of.items() if count else ():
                content = changed.get(f"{part}_{name[:6]}", encode(array))
                file = tmp_path / f"{part}-{name}-ubyte{'.gz' if zipped else ''}"
                file.write_bytes(gzip.compress(content) if zipped else content)
        return tmp_path

    return write


@pytest.mark.parametrize("zipped", [False, True])
def test_pictures_and_labels_are_read(folder, zipped):
    found = load(folder(8, test=4, zipped=zipped))
    assert len(found) == 12
    assert found.given_test == 4
    assert found.input_shape == (1, 2, 3)
    assert found.inputs[1].flatten().tolist() == pytest.approx([k / 255 for k in range(6, 12)])
    assert found.targets.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 2, 0]
    assert found.class_names == ("0", "1", "2")


def test_without_test_files_none_are_set_apart(folder):
    assert load(folder(8)).given_test == 0


@given(st.sampled_from(sorted(CODES)), array_shapes(max_dims=4), st.data())
def test_any_array_comes_back(tmp_path_factory, dtype, shape, data):
    array = data.draw(arrays(np.dtype(dtype), shape))
    file = tmp_path_factory.mktemp("idx") / "any"
    file.write_bytes(encode(array, dtype))
    np.testing.assert_array_equal(read_idx(file), array)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"train_images": b"PNG"}, "is no IDX file"),
        ({"train_images": b"\0\0\x07\1abcdef"}, "is no IDX file"),
        ({"train_images": encode(np.zeros((8, 2, 3)))[:-1]}, r"damaged: .* shape \(8, 2, 3\)"),
        ({"train_images": encode(np.zeros((8, 6)))}, "must hold an array of 3 dimensions"),
        ({"train_labels": encode(np.zeros(7))}, "8 pictures and 7 labels"),
        ({"train_labels": encode(np.zeros(8))}, "one class only"),
        ({"t10k_labels": encode(np.full(4, 9))}, "labels must be 0 to 2, .* got 9"),
        ({"t10k_images": encode(np.zeros((4, 3, 3)))}, "pictures must be of one size"),
    ],
)
def test_bad_files_are_told_in_one_line(folder, changed, words):
    with pytest.raises(DataError, match=words) as raised:
        load(folder(8, test=4, **changed))
    assert "\n" not in str(raised.value)


def test_missing_and_broken_files_are_named(folder):
    path = folder(8, zipped=True)
    file = path / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"cannot read .*train-images"):
        load(path)
    file.unlink()
    with pytest.raises(DataError, match="no file train-images-idx3-ubyte"):
        load(path)
