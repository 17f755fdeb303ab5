"""Reductions, scans and what else works along axes."""

from ...ops.reduce import differences, reductions as ops, rowwise, scans
from .inplace import in_place


class ReductionMethods:
    """Reductions, scans and what else works along axes."""

    expand = ops.expand
    sum = ops.sum
    mean = ops.mean
    prod = ops.prod
    amax = ops.amax
    amin = ops.amin
    any = ops.any
    all = ops.all
    argmax = ops.argmax
    argmin = ops.argmin
    count_nonzero = ops.count_nonzero
    cumsum = scans.cumsum
    cumprod = scans.cumprod
    logcumsumexp = scans.logcumsumexp
    cumsum_ = in_place(scans.cumsum)
    cumprod_ = in_place(scans.cumprod)
    diff = differences.diff
    logsumexp = ops.logsumexp
    softmax = rowwise.softmax
    log_softmax = rowwise.log_softmax
