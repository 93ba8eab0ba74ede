"""Networks of many forms, random turns of their weights, and what a forward pass says to both."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.utils._pytree import tree_map

from weightdesk.desk.edits import Muting, Noise, Pruning, Scaling, Setting
from weightdesk.desk.engine import Engine, Lane
from weightdesk.desk.nesting import leaves_of
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.explain.tracing import arguments

WIDTH, TOKENS, EXAMPLES = 8, 5, 20


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu_(self.first(x)))


class Attention(nn.Module):
    def __init__(self, causal: bool = True) -> None:
        super().__init__()
        self.qkv, self.projection, self.causal = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), causal

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, 2, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*parts.unbind(), is_causal=self.causal)
        return x + self.projection(mixed.transpose(1, 2).reshape(batch, length, width))


class Heads(nn.Module):
    """torch's own attention, whose projections are one parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(x, x, x, need_weights=False)[0]


class Sliced(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(WIDTH // 2, WIDTH // 2)

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, -1)
        y = x.clone()
        y[..., : WIDTH // 2] += torch.tanh(right)
        return torch.cat([self.inner(left), y[..., WIDTH // 2 :].abs()], -1)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale, self.never = nn.Parameter(torch.rand(WIDTH)), nn.Parameter(torch.rand(3))
        self.register_buffer("shift", torch.rand(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x.mul_(self.scale).add_(self.shift))


class Tokens(nn.Module):
    """A language model whose output layer is its table of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(11, WIDTH), nn.Embedding(TOKENS, WIDTH)
        self.inside = nn.Sequential(nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH), Residual())
        self.head = nn.Linear(WIDTH, 11, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        return self.head(self.inside(x))


class Pictures(nn.Module):
    """Convolutions with batch normalisation, a shortcut, groups and pools; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.second, self.apart = nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.pairs, self.point = nn.Conv2d(6, 4, 1, groups=2), nn.Conv2d(4, 6, 1)
        self.last = nn.Linear(6 * 4, 3)
        with torch.no_grad():
            self.norm.running_mean.uniform_(-0.5, 0.5)
            self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x: Tensor, *, scale: float = 1.0) -> dict[str, Any]:
        y = functional.relu_(self.norm(self.first(x)))
        y = y + functional.relu(self.second(y), inplace=True)
        z = functional.max_pool2d(self.apart(y), 2)
        z = functional.gelu(self.point(self.pairs(z)))
        features = functional.adaptive_avg_pool2d(z, 2).flatten(1)
        return {"scores": self.last(features) * scale, "features": (features, x), "kind": None}


class Memory:
    """An object that torch does not know; its tensor grows from an empty one, as caches of attention do."""

    def __init__(self) -> None:
        self.kept = torch.tensor([])

    def keep(self, x: Tensor) -> Tensor:
        self.kept = torch.cat([self.kept.to(x), x], 1)
        return self.kept


class Remembering(nn.Module):
    """Returns what it remembers, too, and reads all of it in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)])
        self.last = nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> dict[str, Any]:
        memory = Memory()
        for block in self.blocks:
            x = block(x).tanh()
            memory.keep(x)
        return {"scores": self.last(memory.kept.cumsum(1)), "memory": memory, "note": ("kept", 2)}


def remembering() -> tuple[nn.Module, Any]:
    return Remembering(), torch.randn(EXAMPLES, TOKENS, WIDTH)


def tokens() -> tuple[nn.Module, Any]:
    return Tokens(), torch.randint(11, (EXAMPLES, TOKENS))


def pictures() -> tuple[nn.Module, Any]:
    return Pictures(), {"x": torch.randn(EXAMPLES, 2, 8, 8), "scale": 2.0}


def shared() -> tuple[nn.Module, Any]:
    inner = nn.Linear(WIDTH, WIDTH)
    return nn.Sequential(inner, nn.ReLU(), inner, nn.LayerNorm(WIDTH), inner), torch.randn(EXAMPLES, WIDTH)


def parametrised() -> tuple[nn.Module, Any]:
    inner = parametrizations.weight_norm(nn.Linear(WIDTH, WIDTH))
    return nn.Sequential(inner, nn.ReLU(), nn.Linear(WIDTH, 3)), torch.randn(EXAMPLES, WIDTH)


FORMS = {each.__name__: each for each in (tokens, pictures, shared, parametrised, remembering)}


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(WIDTH, WIDTH, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)[0]


PARTS = {
    "linear": lambda: nn.Linear(WIDTH, WIDTH),
    "wide": lambda: nn.Sequential(nn.Linear(WIDTH, 3 * WIDTH), nn.ReLU(), nn.Linear(3 * WIDTH, WIDTH)),
    "relu": lambda: nn.ReLU(inplace=True),
    "gelu": nn.GELU,
    "norm": lambda: nn.LayerNorm(WIDTH),
    "residual": Residual,
    "attention": Attention,
    "full attention": lambda: Attention(causal=False),
    "heads": Heads,
    "sliced": Sliced,
    "scaled": Scaled,
    "softmax": lambda: nn.Softmax(-1),
}


@st.composite
def networks(draw: st.DrawFn) -> tuple[nn.Module, Any]:
    """A row of parts after a first layer, with examples of some tokens."""
    names = draw(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=5))
    dtype = draw(st.sampled_from([torch.float32, torch.float32, torch.float64, torch.bfloat16]))
    seed = draw(st.integers(0, 1000))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(WIDTH, WIDTH), *(PARTS[name]() for name in names)).to(dtype).eval()
        return model, torch.randn(EXAMPLES, TOKENS, WIDTH, dtype=dtype)


def states(start: State, seed: int, count: int) -> Iterator[State]:
    """Random turns, single ones mostly, some of them undone, now and then all."""
    draw = torch.Generator().manual_seed(seed)
    state, names = start, list(start.values)

    def number(below: int) -> int:
        return int(torch.randint(below, (), generator=draw))

    for _ in range(count):
        name = names[number(len(names))]
        shape = start.values[name].shape
        index = tuple(number(size) for size in shape)
        kind = number(12)
        if kind == 0:
            state = start
        elif kind == 1:
            state = state.with_edits(state.edits[:-2])
        else:
            edits = {
                2: Muting(Place(name, index[:1])),
                3: Scaling(Place(name), 1.25),
                4: Noise(Place(name), 0.3, seed=seed),
                5: Pruning(Place(name), fraction=0.3),
                6: Scaling(Place(name, index[:1]), -1.5),
            }
            value = float(torch.randn((), generator=draw)) / 2
            state = state.with_edit(edits.get(kind, Setting(Place(name, index), value)))
        yield state


def expected(model: nn.Module, inputs: Any, state: State, dtype: torch.dtype | None = None) -> list[Any]:
    """The leaves of the outputs of a forward pass of a copy, in another precision if wanted."""
    copied, values = copy.deepcopy(model), dict(state.values)
    if dtype is not None:
        copied, values = copied.to(dtype), {name: each.to(dtype) for name, each in values.items()}
        inputs = tree_map(
            lambda each: each.to(dtype) if isinstance(each, Tensor) and each.is_floating_point() else each,
            inputs,
        )
    positional, keywords = arguments(inputs)
    with torch.no_grad():
        return leaves_of(functional_call(copied, values, positional, keywords))


def check(lane: Lane, model: nn.Module, inputs: Any, state: State) -> None:
    """Outputs are those of a forward pass within 1e-6 of the largest, or what rounding alone does to it.

    The latter is how far the forward pass is from one in double precision: networks in which a small
    difference grows make no way of computing them exact.
    """
    found = leaves_of(lane.outputs(state))
    plain, truth = expected(model, inputs, state), expected(model, inputs, state, torch.float64)
    assert len(found) == len(plain)
    for ours, theirs, exact in zip(found, plain, truth, strict=True):
        if not isinstance(theirs, Tensor) or not theirs.is_floating_point():
            assert ours is theirs or bool((ours == theirs).all())
            continue
        assert ours.dtype == theirs.dtype
        finite = theirs.isfinite()
        assert torch.equal(theirs[~finite].nan_to_num(1, 2, 3), ours[~finite].nan_to_num(1, 2, 3))
        ours, theirs, exact = (each[finite] for each in (ours, theirs, exact))
        if len(theirs):
            near = {torch.float64: 1e-13, torch.float32: 1e-6}.get(theirs.dtype, 2e-2)
            rounding = float((theirs - exact).abs().max()) * (theirs.dtype != torch.float64)
            assert float((ours - theirs).abs().max()) <= near * float(theirs.abs().max()) + 4 * rounding


def same_bits(lane: Lane, before: Any, state: State) -> None:
    """The outputs in a state are, bit for bit, these."""
    pairs = zip(leaves_of(lane.outputs(state)), leaves_of(before), strict=True)
    assert all(one is two or torch.equal(one, two) for one, two in pairs)


def whole(engine: Engine) -> Lane:
    return engine.lane(slice(0, EXAMPLES))
