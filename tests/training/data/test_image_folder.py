from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from weightdesk.errors import DataError
from weightdesk.training.data.image_folder import load


def paint(file, colour, mode="RGB", size=(5, 7)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(file)


@pytest.fixture
def folder(tmp_path):
    paint(tmp_path / "red" / "1.png", (255, 0, 0))
    paint(tmp_path / "red" / "2.jpg", (255, 0, 0))
    paint(tmp_path / "blue" / "1.PNG", (0, 0, 255), size=(64, 64))
    (tmp_path / "blue" / "notes.txt").touch()
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_folders_are_classes_and_pictures_are_scaled(folder):
    found = load(folder, 4)
    assert found.class_names == ("blue", "red")
    assert found.targets.tolist() == [0, 1, 1]
    assert found.input_shape == (3, 4, 4)
    np.testing.assert_allclose(found.inputs[0].mean(dim=(1, 2)), [0, 0, 1])
    np.testing.assert_allclose(found.inputs[2].mean(dim=(1, 2)), [1, 0, 0], atol=0.02)


def test_grey_pictures_have_one_channel_and_deep_ones_keep_their_range(tmp_path):
    paint(tmp_path / "a" / "1.png", 128, mode="L")
    paint(tmp_path / "b" / "1.png", 128 * 257, mode="I;16")
    found = load(tmp_path, 4)
    assert found.input_shape == (1, 4, 4)
    np.testing.assert_allclose(found.inputs.mean(dim=(1, 2, 3)), [128 / 255, 128 / 255], atol=0.01)


def test_grey_among_coloured_becomes_coloured(folder):
    paint(folder / "red" / "3.png", 128, mode="L")
    found = load(folder, 4)
    assert found.input_shape == (3, 4, 4)
    np.testing.assert_allclose(found.inputs[3].mean(dim=(1, 2)), [128 / 255] * 3, atol=0.01)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("red/4.png", "cannot read the picture .*4.png"),
        ("green/notes.txt", "green holds no picture"),
    ],
)
def test_bad_folders_are_told_in_one_line(folder, broken, words):
    (folder / broken).parent.mkdir(exist_ok=True)
    (folder / broken).write_text("no picture")
    with pytest.raises(DataError, match=words) as raised:
        load(folder, 4)
    assert "\n" not in str(raised.value)


def test_one_folder_is_one_class_only(tmp_path):
    paint(tmp_path / "red" / "1.png", (255, 0, 0))
    with pytest.raises(DataError, match=r"one class only \(red\)"):
        load(tmp_path, 4)
