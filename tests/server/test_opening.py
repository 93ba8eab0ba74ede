from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
import torch
from trainings import small_batch, small_network

import weightdesk as wd
from weightdesk.errors import OptionError
from weightdesk.runs import Run
from weightdesk.server.opening import open_session


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Of a loop of one's own."""
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wd.watch(model, optimizer, tmp_path / "mine", every=1):
        for _ in range(2):
            model(small_batch()[0]).square().mean().backward()
            optimizer.step()
    return wd.open_run(tmp_path / "mine")


def written(folder: Path, text: str) -> Path:
    path = folder / "loop.py"
    path.write_text(textwrap.dedent(text), "utf-8")
    return path


def test_the_network_of_a_file_is_turned_with_the_weights_of_the_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "beside_loop.py").write_text("CLASSES = 'abcde'", "utf-8")
    path = written(
        tmp_path,
        """
        from dataclasses import dataclass
        from trainings import small_batch, small_network
        from beside_loop import CLASSES

        @dataclass
        class Settings:
            seed: "int" = 7

        def desk():
            inputs, targets = small_batch()
            model = small_network(Settings().seed)
            return dict(model=model, inputs=inputs, targets=targets, class_names=CLASSES)
        """,
    )
    session = open_session(run.path, f"{path}:desk")
    known = small_network()
    run.load_into(known, 2)
    known.eval()
    with session.desk(2) as desk, torch.no_grad():
        torch.testing.assert_close(desk.outputs(3)[0], known(small_batch()[0][3:4])[0])
    assert session.subject.class_names == tuple("abcde")


def test_without_a_network_weights_are_only_looked_at(run: Run) -> None:
    assert not open_session(run.path).has_subject


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("train.py", "expected FILE:FUNCTION, such as train.py:desk"),
        (":desk", "expected FILE:FUNCTION"),
        ("nowhere.py:desk", "there is no file nowhere.py"),
        ("{folder}:desk", "there is no file"),
        ("{folder}/loop.txt:desk", "is no Python file"),
        ("{folder}/wrong.py:desk", "cannot be run: SyntaxError"),
        ("{folder}/loop.py:dsek", "has no function 'dsek'; did you mean desk?"),
        ("{folder}/loop.py:fails", "loop.py:fails failed: KeyError: 'weights'"),
        ("{folder}/loop.py:number", "expected a dict of model and inputs, .* got int"),
        ("{folder}/loop.py:desk", "got model, input"),
    ],
)
def test_what_is_no_network_is_told_in_one_line(run: Run, tmp_path: Path, reference: str, words: str) -> None:
    text = """
        def desk(): return dict(model=None, input=None)
        def fails(): return {}["weights"]
        def number(): return 3
        """
    written(tmp_path, text)
    (tmp_path / "loop.txt").write_text("", "utf-8")
    (tmp_path / "wrong.py").write_text("def :", "utf-8")
    with pytest.raises(OptionError, match=words) as told:
        open_session(run.path, reference.format(folder=tmp_path))
    assert "\n" not in str(told.value)


NET = """
import torch
from torch import nn
def net(): return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3))
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "from argparse import *; p = ArgumentParser(); p.add_argument('lr'); p.parse_args()",
            "cannot be run: it ends by itself, loop.py: error: the following arguments are required: lr",
        ),
        ("raise SystemExit", r"cannot be run: it ends by itself, sys.exit\(None\); put what it does"),
        ("import sys\ndef desk(): sys.exit(0)", r"desk failed: it ends by itself, sys.exit\(0\)"),
        ("def desk(): raise ValueError('two\\nlines')", "desk failed: ValueError: two lines$"),
        ("def desk(): return dict(model=3, inputs=[[1.0]])", "model: expected a torch.nn.Module, got int"),
        (NET + "def desk(): return dict(model=net(), inputs=torch.randn(9, 5))", "cannot be multiplied"),
        (NET + "def desk(): return dict(model=net(), inputs=torch.randn(0, 4))", "inputs hold no examples"),
        (NET + "def desk(): return dict(model=net(), inputs=torch.tensor(1.0))", "inputs hold no examples"),
        (
            NET + "def desk(): return dict(model=net(), inputs=torch.randn(9, 4), targets=torch.zeros(8))",
            r"expected one of the targets for each of 9 inputs, got \(8,\)",
        ),
        (NET + "def desk(): return dict(model=net(), inputs=torch.randn(9, 4), targets=['a'])", "desk: "),
        (NET + "def desk(): return dict(model=net, inputs=torch.randn(9, 4))", "got function"),
    ],
)
def test_files_that_people_have_are_refused_in_one_line(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "loop.py").write_text(text, "utf-8")
    with pytest.raises(OptionError, match=words) as told:
        open_session(run.path, f"{tmp_path}/loop.py:desk")
    assert "\n" not in str(told.value)
    assert capsys.readouterr() == ("", "")


def test_a_network_file_sees_no_options_of_ours_and_may_print(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
        import argparse, sys
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        rate = parser.parse_args().lr
        print("warming up", file=sys.stderr)
        def desk(): return dict(model=None, inputs=rate)
        """
    path, before = written(tmp_path, text), list(sys.argv)
    with pytest.raises(OptionError, match=r"expected a torch.nn.Module, got NoneType"):
        open_session(run.path, f"{path}:desk")
    assert sys.argv == before
    assert capsys.readouterr().err == "warming up\n"
