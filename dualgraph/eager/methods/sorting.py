"""Extremes, sorting, searching and statistics."""

from ...ops.reduce import extremes, norms, statistics
from ...ops.sort import searching, sorting


class SortingMethods:
    """Extremes, sorting, searching and statistics."""

    max = extremes.max
    min = extremes.min
    aminmax = extremes.aminmax
    cummax = extremes.cummax
    cummin = extremes.cummin
    sort = sorting.sort
    argsort = sorting.argsort
    msort = sorting.msort
    topk = sorting.topk
    kthvalue = sorting.kthvalue
    mode = sorting.mode
    unique = searching.unique
    unique_consecutive = searching.unique_consecutive
    bincount = searching.bincount
    histc = searching.histc
    median = statistics.median
    nanmedian = statistics.nanmedian
    quantile = statistics.quantile
    nanquantile = statistics.nanquantile
    nansum = statistics.nansum
    nanmean = statistics.nanmean
    var = statistics.var
    std = statistics.std
    norm = norms.norm
