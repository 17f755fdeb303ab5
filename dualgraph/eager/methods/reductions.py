"""Reductions, scans and what else works along axes."""

from ...ops import reductions as ops


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
    cumsum = ops.cumsum
    logsumexp = ops.logsumexp
    softmax = ops.softmax
    log_softmax = ops.log_softmax
