"""Which steps get a snapshot, when nobody knows how long the training will be."""

from __future__ import annotations

from collections.abc import Mapping

from weightdesk.types import Step

_AN_OCTAVE = 8


class SnapshotSchedule:
    """Eight snapshots each time the number of steps doubles, thinned to stay inside a disk budget.

    Steps 0 to 16 are all due, then every second one to 32, every fourth one to 64 and so on. When
    the disk budget is full, every other snapshot is dropped and the stride doubles; step 0 stays,
    and so does the last one. With `every`, each k-th step is due and nothing is ever dropped.

    Arguments:
        disk: bytes that all files of the run may take.
        every: a fixed stride in steps instead.

    """

    def __init__(self, disk: int, every: int | None = None) -> None:
        self.disk = disk
        self.every = every
        self._stride = 1
        self._dense = False

    def keep_every(self, stride: int) -> None:
        """From now on every step at this stride is due, whatever it costs, as for small models.

        >>> schedule = SnapshotSchedule(10**9)
        >>> schedule.keep_every(2)
        >>> [step for step in range(100, 106) if schedule.is_due(step, affordable=64)]
        [100, 102, 104]
        """
        self._dense, self._stride = True, stride

    def is_due(self, step: Step, affordable: int = 1) -> bool:
        """Whether to take a snapshot before this step.

        Arguments:
            affordable: the stride that the cost budget allows.

        >>> [step for step in range(40) if SnapshotSchedule(10**9).is_due(step)][14:]
        [14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36]

        """
        if self.every is not None:
            return step % self.every == 0
        if self._dense or step % self._stride:
            return step % self._stride == 0
        return step % max(_spacing(step), affordable) == 0

    def next_due(self, step: Step) -> Step:
        """The first step after this one that may be due.

        >>> SnapshotSchedule(10**9).next_due(33)
        36
        """
        stride = self.every or (self._stride if self._dense else max(_spacing(step), self._stride))
        return (step // stride + 1) * stride

    def make_room(self, kept: Mapping[Step, int], others: int, new: int) -> tuple[list[Step], bool]:
        """Choose what to drop before a new snapshot is written.

        Arguments:
            kept: bytes of each snapshot on disk.
            others: bytes of all other files of the run.
            new: bytes of the new snapshot.

        Returns:
            the steps to drop, and whether the new snapshot then fits.

        >>> SnapshotSchedule(disk=100).make_room({0: 30, 1: 30, 2: 30}, others=5, new=30)
        ([1], True)

        """
        if self.every is not None:
            return [], True
        left = dict(kept)
        while sum(left.values()) + others + new > self.disk:
            droppable = [step for step in left if step]
            if not droppable:
                break
            self._stride *= 2
            for step in droppable:
                if step % self._stride:
                    del left[step]
        return sorted(kept.keys() - left.keys()), sum(left.values()) + others + new <= self.disk


def _spacing(step: Step) -> int:
    """Distance of the due steps around a step: a power of two, eight of them an octave."""
    return 1 << (max(1, step // _AN_OCTAVE).bit_length() - 1)
