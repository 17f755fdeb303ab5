"""Routines that draw: permutations, and categories with or without replacement."""

from typing import Any

from .registry import Arguments, Work, register

_PERMUTATION = Arguments("counter seed", "n")
_PERMUTE = """
def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    counter, seed, n = ptr_i8({a.counter})[0], ptr_i8({a.seed})[0], {a.n}
    out = ptr_i8({a.out})
    for i in range(n):
        out[i] = i
    for i in range(n - 1):
        at = n - 1 - i
        k = below_i8(at, counter, seed, at + 1)
        held = out[k]
        out[k] = out[at]
        out[at] = held
"""


def _permute_work(counter: Any, seed: Any, out: Any, n: int) -> Work:
    return Work(_PERMUTATION.pack(n=n), 1, 1)


def _permute_text(counter: Any, seed: Any, out: Any, n: int) -> str:
    return _PERMUTATION.fill(_PERMUTE, out.dtype)


# Fisher and Yates' shuffle, from the back: one serial chain of exchanges.
register("randperm", _permute_text, _permute_work)

# Each row is an item; its scratch memory is a line of n float64 words, and one of n int64.
_CHOICE = Arguments("p counter seed", "rows n many")
_HEAD = """
def KERNEL(args, lo, hi):
    a = ptr_i8(args)
    counter, seed = ptr_i8({a.counter})[0], ptr_i8({a.seed})[0]
    rows, n, many = {a.rows}, {a.n}, {a.many}
    for item in range(hi - lo):
        row = lo + item
        p = ptr_{s}({a.p} + row * n * {z})
        out = ptr_i8({a.out} + row * many * 8)
        line = ptr_f8({a.scratch} + row * n * 8)
        place = ptr_i8({a.scratch} + (rows + row) * n * 8)
"""
_REPLACE = """
        total = f8(0.0)
        for j in range(n):
            total += f8(p[j])
            line[j] = total
        for i in range(many):
            wanted = uniform_f8(row * many + i, counter, seed) * total
            first, last = 0, n - 1
            while first < last:
                middle = (first + last) // 2
                if line[middle] > wanted:
                    last = middle
                else:
                    first = middle + 1
            while first > 0 and p[first] <= 0:
                first -= 1
            out[i] = first
"""
_DISTINCT = """
        for j in range(n):
            waiting = -log1p_f8(-uniform_f8(row * n + j, counter, seed))
            line[j] = waiting / f8(p[j]) if p[j] > 0 else f8(inf)
            place[j] = j
        size, half = n, n // 2
        for turn in range(half + many):
            at = half - 1 - turn
            if turn >= half:
                at = 0
                size -= 1
                out[turn - half] = place[0]
                line[0], place[0] = line[size], place[size]
            key, who = line[at], place[at]
            moving = True
            while moving:
                child = 2 * at + 1
                if child + 1 < size:
                    x, y = line[child], line[child + 1]
                    if y < x or (y == x and place[child + 1] < place[child]):
                        child += 1
                moving = child < size
                if moving:
                    moving = line[child] < key or (line[child] == key and place[child] < who)
                if moving:
                    line[at], place[at] = line[child], place[child]
                    at = child
            line[at], place[at] = key, who
"""


def _choose_text(p: Any, *rest: Any, many: int, replacement: bool) -> str:
    text = _HEAD + (_REPLACE if replacement else _DISTINCT).lstrip("\n")
    return _CHOICE.fill(text, p.dtype)


def _choose_work(p: Any, *rest: Any, many: int, replacement: bool) -> Work:
    rows, n = p.shape
    grain = max(1, 2048 // max(1, n + many))
    return Work(_CHOICE.pack(rows=rows, n=n, many=many), rows, grain, scratch=rows * n * 16)


# Categories of each row of weights. With replacement: where a uniform falls into the running sum.
# Without: the smallest of exponential waiting times, each divided by its weight, in ascending order
# from a heap (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
register("multinomial", _choose_text, _choose_work)
