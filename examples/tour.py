"""One function in both frontends, its gradient, its graph, its kernels, and the proof.

Run: ``python examples/tour.py``
"""

import dualgraph as dg


def loss(x, w):
    """A small function with a reduction at its end."""
    return (dg.tanh(x @ w) ** 2).mean()


dg.manual_seed(0)
x = dg.randn(4, 3)
w = dg.randn(3, 2, requires_grad=True)

value = loss(x, w)  # eager: each op runs at once and is put on a tape
value.backward()  # the tape, walked backwards
print("eager   ", value, w.grad.tolist())

compiled = dg.compile(loss)  # graph: traced once, optimized, compiled to native code
w.grad = None
value = compiled(x, w)
value.backward()
print("compiled", value, w.grad.tolist())

print(dg.verify(loss, x, w).message)  # the same bits, or an error that names the first node
print(compiled.last.graph)  # the static graph, every node with its source line
print(compiled.last.program.inspect().source)  # the calls and the generated kernels
