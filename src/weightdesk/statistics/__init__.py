"""Numbers about tensors: pure functions and the kernels beneath them."""

from weightdesk.statistics.histogram import Quantile, bin_edges, bin_of, quantile
from weightdesk.statistics.summary import Statistics, describe

__all__ = ["Quantile", "Statistics", "bin_edges", "bin_of", "describe", "quantile"]
