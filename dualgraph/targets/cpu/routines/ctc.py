"""Connectionist temporal classification: the forward and backward recursions, in log space.

Source: Graves et al., "Connectionist temporal classification" (2006), sections 4.1 and 4.2. A label
of length L is read as 2 L + 1 symbols, blanks around each; ``alpha[t, s]`` is the log-probability
of the first t + 1 frames ending at symbol s, and ``beta[t, s]`` that of the rest. One item is one
sample of the batch.
"""

import re
from typing import Any

from ..arguments import STATUS
from ..prelude import suffix
from .registry import Arguments, Work, register

_INPUTS = "scores labels frame_counts label_counts"
_NUMBERS = "T N C row total blank span forgiving"
_OF_LOSS = Arguments(_INPUTS, _NUMBERS)
_OF_GRADIENT = Arguments(f"{_INPUTS} cotangents", _NUMBERS)

# A.name is a word of the argument block, STATUS.name one of the status words.
_HEAD = """
def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    scores, labels = ptr_REAL(A.scores), ptr_i8(A.labels)
    frame_counts, label_counts = ptr_i8(A.frame_counts), ptr_i8(A.label_counts)
    COTANGENT
    out, scratch, status = ptr_REAL(A.out), ptr_REAL(A.scratch), ptr_i8(A.status)
    T, N, C = A.T, A.N, A.C
    row, total, blank, span, forgiving = (
        A.row, A.total, A.blank, A.span, A.forgiving
    )
    for n in range(lo, hi):
        frames, length = frame_counts[n], label_counts[n]
        first = n * row
        if row < 0:
            first = 0
            for i in range(n):
                first = first + label_counts[i]
        if frames < 0 or frames > T:
            STATUS.index = frames
            STATUS.failed = 1
            continue
        if length < 0 or 2 * length + 1 > span or first < 0 or first + length > total:
            STATUS.index = length
            STATUS.failed = 1
            continue
        bad = False
        for i in range(length):
            if labels[first + i] < 0 or labels[first + i] >= C:
                STATUS.index = labels[first + i]
                STATUS.failed = 1
                bad = True
        if bad:
            continue
        symbols = 2 * length + 1
        REST
"""

_STEP = """
for s in range(symbols):
    symbol = blank
    if s % 2 == 1:
        symbol = labels[first + s // 2]
    here = REAL(-inf)
    if t == 0:
        if s < 2:
            here = REAL(0)
    else:
        here = alpha[before + s]
        top = here
        one = REAL(-inf)
        two = REAL(-inf)
        if s >= 1:
            one = alpha[before + s - 1]
            top = select(one > top, one, top)
        if s >= 2 and s % 2 == 1 and labels[first + s // 2 - 1] != symbol:
            two = alpha[before + s - 2]
            top = select(two > top, two, top)
        if top > REAL(-inf):
            ways = exp_REAL(here - top) + exp_REAL(one - top) + exp_REAL(two - top)
            here = top + log_REAL(ways)
    alpha[now + s] = here + scores[(t * N + n) * C + symbol]
"""

_NEGATIVE_LOG = """
loss = REAL(inf)
if frames == 0:
    if length == 0:
        loss = REAL(0)
else:
    last = alpha[final + symbols - 1]
    if length > 0:
        other = alpha[final + symbols - 2]
        top = select(other > last, other, last)
        if top > REAL(-inf):
            last = top + log_REAL(exp_REAL(last - top) + exp_REAL(other - top))
    loss = -last
"""

_LOSS = """
alpha = ptr_REAL(A.scratch + n * 2 * span * SIZE)
for t in range(frames):
    now, before = (t % 2) * span, ((t + 1) % 2) * span
    STEP
final = ((frames + 1) % 2) * span
NEGATIVE_LOG
if forgiving != 0 and loss == REAL(inf):
    loss = REAL(0)
out[n] = loss
"""

_GRADIENT = """
alpha = ptr_REAL(A.scratch + n * (T + 2) * span * SIZE)
for t in range(frames):
    now, before = t * span, (t - 1) * span
    STEP
final = (frames - 1) * span
NEGATIVE_LOG
silent = forgiving != 0 and loss == REAL(inf)
for t in range(T):
    for c in range(C):
        out[(t * N + n) * C + c] = select(t < frames and not silent, REAL(-inf), REAL(0))
if silent:
    continue
for back in range(frames):
    t = frames - 1 - back
    now, after = (T + t % 2) * span, (T + (t + 1) % 2) * span
    place = (t * N + n) * C
    for s in range(symbols):
        symbol = blank
        if s % 2 == 1:
            symbol = labels[first + s // 2]
        here = REAL(-inf)
        if back == 0:
            if s >= symbols - 2:
                here = REAL(0)
        else:
            here = alpha[after + s]
            top = here
            one = REAL(-inf)
            two = REAL(-inf)
            if s + 1 < symbols:
                one = alpha[after + s + 1]
                top = select(one > top, one, top)
            if s + 2 < symbols and s % 2 == 1 and labels[first + s // 2 + 1] != symbol:
                two = alpha[after + s + 2]
                top = select(two > top, two, top)
            if top > REAL(-inf):
                ways = exp_REAL(here - top) + exp_REAL(one - top) + exp_REAL(two - top)
            here = top + log_REAL(ways)
        here = here + scores[place + symbol]
        alpha[now + s] = here
        both = here + alpha[t * span + s]
        held = out[place + symbol]
        top = select(both > held, both, held)
        if top > REAL(-inf):
            out[place + symbol] = top + log_REAL(exp_REAL(both - top) + exp_REAL(held - top))
    for c in range(C):
        score = scores[place + c]
        share = exp_REAL(out[place + c] + loss - score)
        out[place + c] = (exp_REAL(score) - share) * cotangents[n]
"""


def _put(text: str, mark: str, body: str) -> str:
    """Replace a line that holds only ``mark`` by a body at its indentation."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() == mark:
            lead = line[: len(line) - len(line.lstrip())]
            lines += [lead + b if b else b for b in body.strip("\n").splitlines()]
        else:
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"


def _text(body: str, arguments: Arguments) -> Any:
    def text(scores: Any, *more: Any, blank: int, zero_infinity: bool) -> str:
        source = _put(_put(body, "STEP", _STEP), "NEGATIVE_LOG", _NEGATIVE_LOG)
        source = _put(_HEAD, "REST", source)
        cotangents = "cotangents = ptr_REAL(A.cotangents)" if arguments is _OF_GRADIENT else ""
        source = _put(source, "COTANGENT", cotangents)
        source = re.sub(r"\bA\.(\w+)", lambda word: arguments.block[word[1]], source)
        source = re.sub(r"\bSTATUS\.(\w+)", lambda word: f"status[{STATUS.at(word[1])}]", source)
        source = source.replace("SIZE", str(scores.dtype.itemsize))
        return source.replace("REAL", suffix(scores.dtype))

    return text


def _numbers(scores: Any, labels: Any, blank: int, zero_infinity: bool) -> dict[str, int]:
    """Return T, N, C; the row length of the labels (-1: concatenated) and their count; the rest."""
    count = 1
    for extent in labels.shape:
        count *= extent
    row = labels.shape[1] if len(labels.shape) == 2 else -1
    span = 2 * (count if row < 0 else row) + 1
    t, n, c = scores.shape
    return {
        "T": t, "N": n, "C": c, "row": row, "total": count, "blank": blank, "span": span,
        "forgiving": int(zero_infinity),
    }  # fmt: skip


def _work(rows: int) -> Any:
    def work(scores: Any, labels: Any, *more: Any, blank: int, zero_infinity: bool) -> Work:
        numbers = _numbers(scores, labels, blank, zero_infinity)
        kept = rows if rows == 2 else scores.shape[0] + 2
        scratch = scores.shape[1] * kept * numbers["span"] * scores.dtype.itemsize
        return Work(_OF_LOSS.pack(**numbers), scores.shape[1], 1, scratch)

    return work


register("ctc_loss", _text(_LOSS, _OF_LOSS), _work(2))
register("ctc_loss_backward", _text(_GRADIENT, _OF_GRADIENT), _work(0))
