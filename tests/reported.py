"""Runs that are written as a file, and what lies in such a file."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

import weightdesk as wd
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.server.wire import unpack


def every_layer() -> nn.Sequential:
    """A classifier with a layer of each kind that a page can run."""
    torch.manual_seed(0)
    first = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.GELU(), nn.MaxPool2d(2, padding=1)
    )
    second = nn.Sequential(
        nn.Conv2d(4, 6, (2, 3), stride=(1, 2), padding=1), nn.LeakyReLU(0.2), nn.AvgPool2d(2, 1, 1)
    )
    third = nn.Sequential(nn.Flatten(), nn.LazyLinear(12), nn.LayerNorm(12), nn.Tanh(), nn.Dropout(0.5))
    last = nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Identity(), nn.Linear(8, 5))
    model = nn.Sequential(*first, *second, third, *last, nn.GELU("tanh"))
    model(torch.zeros(2, 1, 8, 8))
    return model


def session_of(model: nn.Sequential, folder: Path, *, steps: int = 6) -> Session:
    """The session of a short training on random pictures."""
    torch.manual_seed(1)
    inputs, targets = torch.randn(40, 1, 8, 8), torch.randint(0, 5, (40,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wd.watch(model, optimizer, folder, cost=None, every=2):
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(model(inputs), targets))
            optimizer.step()
    subject = Subject(model.eval(), inputs, targets, functional.cross_entropy, "probe")
    return Session(wd.open_run(folder), subject)


def answers_in(page: Path) -> dict[tuple[str, str], Any]:
    """Each answer of a file by kind and question."""
    found = re.search(r'id="weightdesk-run">([^<]*)<', page.read_text("utf-8"))
    assert found
    packed = unpack(gzip.decompress(base64.b64decode(found[1])))
    return {(each["kind"], each["question"]): unpack(each["packed"].tobytes()) for each in packed["answers"]}
