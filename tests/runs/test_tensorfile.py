"""Files written tensor by tensor are those that safetensors writes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from weightdesk.runs import tensorfile
from weightdesk.runs.tensorfile import DTYPES, Slot, TensorFile, flat_blocks

SHAPES = st.lists(st.integers(0, 5), max_size=3).map(tuple)
WRITTEN = st.dictionaries(
    st.text(min_size=1, max_size=8, alphabet=st.characters(exclude_categories=("Cs",))),
    st.tuples(st.sampled_from(list(DTYPES.values())), SHAPES),
    min_size=1,
    max_size=8,
).filter(lambda names: "__metadata__" not in names)


def of_type(dtype: torch.dtype, shape: tuple[int, ...], seed: int) -> Tensor:
    """A tensor of random bits."""
    size = Slot(dtype, shape).nbytes
    bits = torch.randint(0, 256, (size,), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return (bits % 2 if dtype is torch.bool else bits).view(dtype).view(shape)


def same(one: Tensor, other: Tensor) -> bool:
    def bits(tensor: Tensor) -> Tensor:
        return tensor.contiguous().reshape(-1).view(torch.uint8)

    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(bits(one), bits(other))


def write(
    path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None, *, at_once: bool = False
) -> None:
    path.unlink(missing_ok=True)
    with TensorFile(path, {name: Slot.of(each) for name, each in tensors.items()}, metadata or {}) as file:
        if at_once:
            file.write_all(tensors)
        else:
            for name in reversed(tensors):  # the order of writing is nobody's business
                file.write(name, tensors[name])


@settings(max_examples=60, deadline=None)
@given(WRITTEN, st.integers(0, 1000), st.sampled_from([16, 64, 1 << 20]), st.sampled_from([0, 40, 1 << 14]))
def test_any_tensors_are_read_back_by_safetensors(
    tmp_path_factory: pytest.TempPathFactory,
    written: dict[str, tuple[torch.dtype, tuple[int, ...]]],
    seed: int,
    block: int,
    small: int,
) -> None:
    folder = tmp_path_factory.mktemp("file")
    path = folder / "a.safetensors"
    tensors = {name: of_type(*each, seed + i) for i, (name, each) in enumerate(written.items())}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensorfile, "BLOCK", block)
        patch.setattr(tensorfile, "_SMALL", small)
        write(path, tensors, {"step": "3"})
        write(folder / "at once", tensors, {"step": "3"}, at_once=True)
    assert (folder / "at once").read_bytes() == path.read_bytes()
    found = load_file(path)
    assert found.keys() == tensors.keys()
    assert all(same(found[name], tensors[name]) for name in tensors)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"step": "3", "checksums": file.metadata()["checksums"]}


@pytest.mark.parametrize("dtype", list(DTYPES.values()))
def test_the_data_are_the_bytes_that_safetensors_writes(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {name: of_type(dtype, (3, 5), i) for i, name in enumerate(("b", "a", "c.d"))}
    write(tmp_path / "ours", tensors)
    save_file(tensors, tmp_path / "theirs")
    ours, theirs = ((tmp_path / name).read_bytes() for name in ("ours", "theirs"))
    begin = [8 + int.from_bytes(content[:8], "little") for content in (ours, theirs)]
    assert ours[begin[0] :] == theirs[begin[1] :]


def test_views_gaps_and_sparse_tensors_are_written_in_order(tmp_path: Path) -> None:
    base = torch.arange(24.0).view(4, 6)
    tensors = {
        "transposed": base.t(),
        "gaps": base[::2, ::3],
        "expanded": base[:1].expand(5, 6),
        "part": base.view(-1)[3:7],
        "sparse": torch.eye(3).to_sparse(),
        "conjugate": torch.tensor([1 + 2j]).conj(),
    }
    for at_once in (False, True):
        write(tmp_path / "a", tensors, at_once=at_once)
        found = load_file(tmp_path / "a")
        assert all(same(found[name], each.to_dense().resolve_conj()) for name, each in tensors.items())


def test_blocks_of_a_contiguous_tensor_are_views() -> None:
    tensor = torch.arange(8.0)
    (block,) = flat_blocks(tensor.view(2, 4))
    assert block.data_ptr() == tensor.data_ptr()


def test_what_was_written_is_read_back_while_the_rest_is_to_come(tmp_path: Path) -> None:
    slots = {name: Slot(torch.float32, (600_000,)) for name in ("a", "b")}
    file = TensorFile(tmp_path / "a", slots, {})
    values = torch.randn(600_000)
    file.write("b", values)
    pieces = []
    for number, block in enumerate(file.blocks("b")):
        pieces.append(block.clone())
        if not number:
            file.write("a", -values)
    assert torch.equal(torch.cat(pieces), values)
    file.finish()
    file.close()
    assert torch.equal(load_file(tmp_path / "a")["a"], -values)


def test_a_tensor_that_never_comes_is_not_there(tmp_path: Path) -> None:
    slots = {name: Slot(torch.float32, (2,)) for name in ("a", "b", "long name of a tensor")}
    with TensorFile(tmp_path / "a", slots, {"step": "1"}) as file:
        file.write("b", torch.ones(2))
    found = load_file(tmp_path / "a")
    assert found["b"].tolist() == [1.0, 1.0]
    assert found.keys() == {"@0", "@1", "b"}


def test_what_was_not_planned_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="was planned"),
        TensorFile(tmp_path / "a", {"a": Slot(torch.float32, (2,))}, {}) as file,
    ):
        file.write("a", torch.ones(3))
    assert not (tmp_path / "a").exists()
    with (
        pytest.raises(ValueError, match=r"a is Slot.*float64.* by now, and Slot.*float32.* was planned"),
        TensorFile(tmp_path / "a", {"a": Slot(torch.float32, (2,))}, {}) as file,
    ):
        file.write_all({"a": torch.ones(2).double()})
    assert not (tmp_path / "a").exists()
    with pytest.raises(TypeError, match="metadata of a safetensors file are text, got step=1"):
        TensorFile(tmp_path / "a", {}, {"step": 1})  # type: ignore[dict-item]
    assert not (tmp_path / "a").exists()


def test_a_file_that_is_dropped_is_removed_and_one_that_was_moved_stays(tmp_path: Path) -> None:
    for name in ("dropped", "moved"):
        file = TensorFile(tmp_path / name, {"a": Slot(torch.float32, (2,))}, {})
        file.write("a", torch.ones(2))
        file.finish()
        if name == "moved":
            file.move(tmp_path / "place")
            assert [block.tolist() for block in file.blocks("a")] == [[1.0, 1.0]]
        del file
    assert [each.name for each in tmp_path.iterdir()] == ["place"]


def test_a_forked_child_removes_nothing_of_its_parent(tmp_path: Path) -> None:
    file = TensorFile(tmp_path / "a", {"a": Slot(torch.float32, (2,))}, {})
    child = os.fork()
    if not child:
        file.discard()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (tmp_path / "a").exists()
    file.discard()
    assert not (tmp_path / "a").exists()
