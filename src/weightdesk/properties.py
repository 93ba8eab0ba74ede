"""What is true of each example besides what is to be predicted of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Bool, Int64
from torch import Tensor

from weightdesk.errors import OptionError


@dataclass(frozen=True, eq=False)
class Property:
    """Something that is true of each example, and may be readable from a layer.

    Attributes:
        name: such as `orientation`.
        values: the number of each example's class in this respect, or whether it is so; −1 where it
            cannot be told.
        names: a name for each of these classes.
        level: where the data were made level upon level: the level at which this is decided, counted
            from 0 at the inputs; None where that is not known.

    Raises:
        OptionError: the values are no whole numbers, or beyond the names.

    >>> Property("stroke", torch.tensor([0, 1, 1]), ("thin", "bold")).classes
    2
    """

    name: str
    values: Int64[Tensor, " examples"] | Bool[Tensor, " examples"]
    names: tuple[str, ...]
    level: int | None = None

    def __post_init__(self) -> None:
        values = self.values
        known = (values >= -1) & (values < len(self.names))
        if values.is_floating_point() or not known.all():
            raise OptionError(
                f"property {self.name!r}: expected numbers from 0 to {len(self.names) - 1}, one for each of "
                f"{', '.join(self.names)}, and -1 where it cannot be told"
            )
        object.__setattr__(self, "values", values.long())

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.names)

    def of_examples(self, examples: Int64[Tensor, " chosen"]) -> Property:
        """The same of some of the examples."""
        return replace(self, values=self.values[examples])
