"""`show`: a run on the desk, as the output of a notebook's cell."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.runs import Run, open_run
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject

if TYPE_CHECKING:
    from weightdesk.notebook.widget import DeskWidget


def show(
    run: Run | str | os.PathLike[str],
    model: nn.Module | None = None,
    inputs: Any = None,
    targets: Any = None,
    loss: Callable[[Any, Any], Tensor] | None = None,
    *,
    class_names: Sequence[str] = (),
    tokens: Sequence[str] = (),
    encode: Callable[[str], Sequence[int]] | None = None,
    height: int = 900,
    at: str = "",
) -> DeskWidget:
    """Show a run on the desk in a notebook: replay the training, see why weights moved, turn them.

    Of a built-in training the run alone is enough. The run of a loop of one's own shows its weights, and
    with its network and some examples they can be turned, too. A copy is turned; the model stays as it is.

    Arguments:
        run: the run, or its path; finished or not.
        model: the network that was recorded; the weights are the run's, whatever it has now.
        inputs: examples to judge it by, on axis 0 of one tensor or array.
        targets: one for each example; None: only outputs are shown.
        loss: takes outputs and targets, gives a scalar. None: cross entropy where the targets are
            whole numbers, mean squared error where they are real ones.
        class_names: a name for each class; where targets are tokens, the tokens if left out.
        tokens: what each token number stands for, where inputs are rows of such numbers.
        encode: takes typed text to token numbers; None: the longest of `tokens` at each place.
        height: of the desk on the page, in pixels.
        at: what to begin with: what "share" copied, or the part of a desk's link behind #.

    Raises:
        OptionError: model and inputs are not given together, do not fit the run or each other, or the
            extra `weightdesk[notebook]` is not installed.
        RunNotFoundError: there is no run.

    >>> from weightdesk import show, watch
    >>> model, inputs, targets = nn.Linear(2, 3), torch.rand(8, 2), torch.arange(8) % 3
    >>> with watch(model, torch.optim.SGD(model.parameters(), lr=0.1), "memory://show-example"):
    ...     pass  # the training
    >>> widget = show("memory://show-example", model, inputs, targets, class_names=("a", "b", "c"))
    >>> widget.height  # in a notebook the desk appears where it is a cell's last value
    900
    """
    kind, opened = _widget(), run if isinstance(run, Run) else open_run(run)
    about = {"targets": targets, "loss": loss, "class_names": class_names, "tokens": tokens, "encode": encode}
    session = Session(opened, _subject(model, inputs, about))
    if model is not None and opened.steps:
        with session.desk(opened.steps[-1]):
            pass  # what does not fit is told here and not on the page; the desk is kept for it
    return kind(session, height, at.removeprefix("#"))


def _subject(model: nn.Module | None, inputs: Any, about: Mapping[str, Any]) -> Subject | None:
    if model is None:
        if any(each is not None and not _is_nothing(each) for each in (inputs, *about.values())):
            raise OptionError("inputs, targets, loss and names are of a model: give that, too")
        return None
    if inputs is None:
        raise OptionError("a model can be turned where there are examples to judge it by: give inputs, too")
    return Subject.given(model, inputs, **about)


def _is_nothing(given: Any) -> bool:
    return isinstance(given, Sequence) and not given


def _widget() -> type[DeskWidget]:
    try:
        from weightdesk.notebook.widget import DeskWidget
    except ModuleNotFoundError as error:
        if error.name != "anywidget":
            raise
        raise OptionError(
            "the desk in a notebook needs anywidget: `pip install weightdesk[notebook]`, "
            "then restart the kernel"
        ) from None
    return DeskWidget
