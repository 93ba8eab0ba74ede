"""The sampled weights of each step, and what they tell of other hands on the weights and of old gradients."""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np
from torch import Tensor
from torch.optim import Optimizer

from weightdesk.recording.gradients import local, seen_gradient
from weightdesk.recording.notes import Notes
from weightdesk.recording.optimized import OptimizedParameters
from weightdesk.recording.outside import OutsideChanges
from weightdesk.recording.sampling import Floats, Sampler
from weightdesk.runs.manifest import Manifest
from weightdesk.types import ParameterName, Step


class StepSampler:
    """Reads the sampled weights and gradients of a subject's optimizers.

    Arguments:
        sampler: reads them.
        parameters: which of them an optimizer moves.
        manifest: told of steps between which something else changed weights.
        notes: told once.

    Attributes:
        last_stepped: the optimizer of the last step; set by whoever sees its end.
    """

    def __init__(
        self, sampler: Sampler, parameters: OptimizedParameters, manifest: Manifest, notes: Notes
    ) -> None:
        self._sampler, self._parameters = sampler, parameters
        self._outside = OutsideChanges(manifest.recording, notes)
        self.last_stepped: Optimizer | None = None
        self._left: Floats | None = None  # gradients after the last step, if they were asked for

    @property
    def count(self) -> int:
        """How many weights are sampled."""
        return sum(map(len, self._sampler.places.values()))

    def read(self, step: Step, optimizer: Optimizer) -> None:
        """Read what a step is about to use.

        Raises:
            FormChangedError: a parameter has another shape or type than before; nothing was read.
        """
        self._sampler.is_under_way = True
        self._sampler.read(step, *self._tensors(optimizer))
        if self._outside.expects(step):
            lengths = {name: len(places) for name, places in self._sampler.places.items()}
            self._outside.compare(step, self._sampler.last_weights(), lengths)

    def read_again(self, step: Step, outermost: Optimizer, names: Container[ParameterName]) -> None:
        """Read gradients of some parameters again that were computed or changed since the step began."""
        self._sampler.read_gradients_again(step, *self._tensors(outermost), names)

    def remember(self, step: Step) -> None:
        """Keep the weights as a step leaves them, to be compared with what the next one finds.

        Arguments:
            step: steps done by then.
        """
        self._outside.remember(step, self._sampler.weights_now(self._parameters.sampled))

    def end_step(self) -> None:
        """The step that was read last is done, or will never be."""
        self._sampler.is_under_way = False

    def have_moved(self, *, is_read: bool) -> bool:
        """Whether weights differ from what was read of this step; true if nobody can tell.

        Arguments:
            is_read: whether this step was read.
        """
        before = self._sampler.last_weights() if is_read else None
        now = self._sampler.weights_now(self._parameters.sampled)
        return before is None or now is None or before.tobytes() != now.tobytes()

    def note_left_gradients(self) -> None:
        """Keep the gradients that the last step has used, as they are now."""
        last = self.last_stepped
        self._left = None if last is None else self._gradients_now(self._parameters.sampled_of(last))

    def are_gradients_left(self) -> bool | None:
        """Whether the gradients that the last step used are still there; None if nobody knows."""
        left, now = self._left, self._gradients_now(self._parameters.sampled)
        if left is None or now is None or np.isinf(left).any() or np.isinf(now).any():
            return None
        return bool(np.nan_to_num(now).any()) and np.array_equal(now, left, equal_nan=True)

    def _tensors(self, optimizer: Optimizer) -> tuple[Sequence[Tensor], Sequence[Tensor | None]]:
        """The sampled parameters, and the gradients of those that an optimizer moves."""
        moved = self._parameters.sampled_of(optimizer)
        if not self._parameters.subject.rank.sharded and getattr(optimizer, "grad_scale", None) is None:
            return self._parameters.sampled, [None if each is None else each.grad for each in moved]
        weights = [local(each) for each in self._parameters.sampled]
        seen = [None if each is None else seen_gradient(each, optimizer) for each in moved]
        return weights, [None if each is None else local(each) for each in seen]

    def _gradients_now(self, parameters: Sequence[Tensor | None]) -> Floats | None:
        if self._parameters.subject.rank.sharded:
            return None
        return self._sampler.gradients_now([None if each is None else each.grad for each in parameters])
