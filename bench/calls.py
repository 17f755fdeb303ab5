"""What a compiled call costs beside its work: tiny functions, eager and compiled.

Run: ``python -m bench.calls``. Microseconds of one call (the median of interleaved rounds, one
thread, its CPU time) and the ratio eager / compiled, whose results are compared bit for bit first.
"""

import statistics
from collections.abc import Callable
from typing import Any

import dualgraph as dg
from bench.ops import interleaved
from dualgraph import nn, optim


def plain(call: Callable[[], Any], _: Any) -> Callable[[], Any]:
    """Return the call alone."""
    return call


def with_backward(call: Callable[[], Any], leaves: list[Any]) -> Callable[[], Any]:
    """Return the call and the backward of its result, with fresh gradients."""

    def both() -> Any:
        for leaf in leaves:
            leaf.grad = None
        out = call()
        out.backward()
        return out

    return both


def cases() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...], list[Any], Any]]:
    """Return function, arguments, leaves, and what is timed, by name."""
    dg.manual_seed(0)
    x, w = dg.randn(8, 8), dg.randn(8, 8, requires_grad=True)
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    optimizer = optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    def step(x: dg.Tensor) -> dg.Tensor:
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    parameters = list(model.parameters())
    return {
        "forward, no gradients": (lambda x: x + 1.0, (x,), [], plain),
        "forward, recorded": (lambda w: (w * w).sum(), (w,), [w], plain),
        "forward and backward": (lambda w: (w * w).sum(), (w,), [w], with_backward),
        "module, recorded": (lambda x: model(x).sum(), (x,), parameters, plain),
        "module and backward": (lambda x: model(x).sum(), (x,), parameters, with_backward),
        "training step": (step, (x,), [], plain),
    }


def main() -> None:
    """Print one line for each case."""
    dg.set_num_threads(1)
    for name, (function, arguments, leaves, timed) in cases().items():
        compiled = dg.compile(function)
        calls = {
            "eager": timed(lambda f=function, a=arguments: f(*a), leaves),
            "compiled": timed(lambda f=compiled, a=arguments: f(*a), leaves),
        }
        results = [call().detach().numpy().tobytes() for call in calls.values()]
        if results[0] != results[1]:
            raise SystemExit(f"{name}: eager and compiled differ")
        times = interleaved(calls)
        ratio = statistics.median(
            a / b for a, b in zip(times["eager"], times["compiled"], strict=True)
        )
        each = "   ".join(f"{k} {statistics.median(t):6.1f} us" for k, t in times.items())
        print(f"{name:22} {each}   eager / compiled {ratio:5.2f}", flush=True)


if __name__ == "__main__":
    main()
