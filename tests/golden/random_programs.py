"""Random streams: every sampler and mask, and what is left of the generator afterwards."""

from collections.abc import Callable
from typing import Any

import dualgraph as dg
import dualgraph.nn.functional as F
from tests.golden.inputs import leaf, real
from tests.golden.program import Mode, Program, Results, outputs_of

Draw = Callable[[Any], Any]

SAMPLERS: dict[str, Draw] = {
    "rand": lambda g: [dg.rand(37, generator=g), dg.rand(3, 5, dtype=dg.float64, generator=g)],
    "rand(float16)": lambda g: dg.rand(37, dtype=dg.float16, generator=g),
    "randn": lambda g: [dg.randn(37, generator=g), dg.randn(9, dtype=dg.float64, generator=g)],
    "randint": lambda g: [
        dg.randint(10, (37,), generator=g),
        dg.randint(-5, 2**40, (9,), generator=g),
        dg.randint(3, (9,), dtype=dg.int32, generator=g),
    ],
    "randperm": lambda g: [dg.randperm(n, generator=g) for n in (0, 1, 2, 37)],
    "normal": lambda g: [
        dg.normal(1.0, 2.0, (9,), generator=g),
        dg.normal(real((9,), 131), real((9,), 132, 0, 1), generator=g),
    ],
    "bernoulli": lambda g: dg.bernoulli(real((37,), 133, 0, 1), generator=g),
    "poisson": lambda g: dg.poisson(real((37,), 134, 0, 40), generator=g),
    "multinomial": lambda g: [
        dg.multinomial(real((3, 7), 135, 0.1, 1), 4, generator=g),
        dg.multinomial(real((3, 7), 135, 0.1, 1), 9, replacement=True, generator=g),
    ],
    "uniform_": lambda g: dg.zeros(37).uniform_(-1, 3, generator=g),
    "normal_": lambda g: dg.zeros(37).normal_(2, 0.5, generator=g),
    "exponential_": lambda g: dg.zeros(37).exponential_(1.5, generator=g),
    "cauchy_": lambda g: dg.zeros(37).cauchy_(generator=g),
    "log_normal_": lambda g: dg.zeros(37).log_normal_(generator=g),
    "geometric_": lambda g: dg.zeros(37).geometric_(0.3, generator=g),
    "bernoulli_": lambda g: dg.zeros(37).bernoulli_(0.3, generator=g),
    "random_": lambda g: dg.zeros(37, dtype=dg.int64).random_(0, 100, generator=g),
}
MASKS = {
    "dropout": lambda x: F.dropout(x, 0.3),
    "dropout(float64)": lambda x: F.dropout(x.double(), 0.6),
    "dropout1d": lambda x: F.dropout1d(x, 0.3),
    "dropout2d": lambda x: F.dropout2d(x[None], 0.3),
    "dropout3d": lambda x: F.dropout3d(x[None, None], 0.3),
    "alpha_dropout": lambda x: F.alpha_dropout(x, 0.3, training=True),
    "feature_alpha_dropout": lambda x: F.feature_alpha_dropout(x, 0.3, training=True),
    "rrelu": lambda x: F.rrelu(x, 0.1, 0.4, training=True),
    "gumbel_softmax": lambda x: F.gumbel_softmax(x, 0.7),
    "gumbel_softmax(hard)": lambda x: F.gumbel_softmax(x, hard=True),
    "fractional_max_pool2d": lambda x: F.fractional_max_pool2d(x, 2, (3, 2)),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.3),
    "rand_like": lambda x: x * dg.rand_like(x) + dg.randn_like(x),
    "randint_like": lambda x: x + dg.randint_like(x, 5),
}


def samplers(mode: Mode) -> Results:
    """Two calls of each sampler with a generator of its own, and the generator's state."""
    found = {}
    for i, (name, draw) in enumerate(SAMPLERS.items()):
        generator = dg.Generator().manual_seed(1000 + i)
        run = mode.wrap(lambda draw=draw, generator=generator: draw(generator))
        found[name] = [run(), run(), generator.get_state()]
    return found


def masks(mode: Mode) -> Results:
    """Results and gradients of what draws from the default generator, twice, in one function."""
    x = leaf((3, 6, 8), 136)

    def run(x: Any) -> list[Any]:
        found = []
        for mask in MASKS.values():
            y = mask(x)
            found.append([*outputs_of(y), *dg.autograd.grad(y.sum(), x)])
        return found

    run = mode.wrap(run)
    dg.manual_seed(137)
    first, second = run(x), run(x)
    pairs = zip(first, second, strict=True)
    return dict(zip(MASKS, map(list, pairs), strict=True)) | {"generator": dg.get_rng_state()}


def seeds(mode: Mode) -> Results:
    """Streams of several seeds, a state that is set back, and draws beside a fork."""
    draw = mode.wrap(lambda: [dg.rand(5), dg.randn(5)])
    found = {}
    for seed in (0, 1, 2**31, 2**63):
        dg.manual_seed(seed)
        found[f"seed {seed}"] = [draw(), draw()]
    state = dg.get_rng_state()
    first = draw()
    dg.set_rng_state(state)
    found["again"] = [first, draw()]
    with dg.fork_rng():
        draw()
    found["after a fork"] = [draw(), dg.initial_seed()]
    return found


PROGRAMS: dict[str, Program] = {
    "random.samplers": samplers,
    "random.masks": masks,
    "random.seeds": seeds,
}
