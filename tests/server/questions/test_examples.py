from __future__ import annotations

import torch

from weightdesk.server.questions.examples import ExamplesQuestion
from weightdesk.server.session import Session


def test_they_are_those_of_the_probe_set(digits_session: Session) -> None:
    found, subject = ExamplesQuestion(start=5, count=3).answer(digits_session), digits_session.subject
    assert torch.equal(torch.from_numpy(found.inputs), subject.inputs[5:8])
    assert found.targets.tolist() == subject.targets[5:8].tolist()
    assert found.total == len(subject.inputs)


def test_blocks_together_are_the_whole_probe_set(digits_session: Session) -> None:
    subject = digits_session.subject
    starts = range(0, len(subject.inputs), 256)
    blocks = [ExamplesQuestion(start=start, count=256).answer(digits_session) for start in starts]
    assert torch.equal(torch.cat([torch.from_numpy(each.inputs) for each in blocks]), subject.inputs)
    assert [target for each in blocks for target in each.targets] == subject.targets.tolist()


def test_beyond_the_last_there_are_none(digits_session: Session) -> None:
    assert len(ExamplesQuestion(start=10**6).answer(digits_session).inputs) == 0
