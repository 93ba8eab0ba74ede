"""Can I turn a network that my own loop trained? Give `weightdesk open` a function that builds it."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import weightdesk


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))


def points(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0.5)


def desk() -> dict:
    """What the desk needs beside the run: the network, with any weights, and examples to judge it by."""
    inputs, targets = points(200, seed=1)
    names = ["neither", "one", "both"]
    return {"model": network(), "inputs": inputs, "targets": targets, "class_names": names}


if __name__ == "__main__":
    torch.manual_seed(0)
    model, (inputs, targets) = network(), points(500, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    with weightdesk.watch(model, optimizer, "runs/mine") as recording:
        for _ in range(200):
            loss = cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
    print(f"loss {loss:.3f}; now: weightdesk open runs/mine --network {__file__}:desk")
