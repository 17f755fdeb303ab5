"""Price European calls and read their greeks off the tape; compare with the closed form.

Run: ``python examples/black_scholes.py`` (``--eager`` for the other frontend: the same bits).
The formulas: F. Black and M. Scholes, The Pricing of Options and Corporate Liabilities, 1973.
"""

import sys
from math import erf, exp, log, pi, sqrt

import dualgraph as dg

NAMES = ("price", "delta", "gamma", "vega", "theta", "rho")
STRIKE, COUNT = 100.0, 41


def price(spot, vol, years, rate):
    """Return the values of calls."""
    spread = vol * dg.sqrt(years)
    d1 = (dg.log(spot / STRIKE) + (rate + vol * vol / 2) * years) / spread
    return spot * dg.special.ndtr(d1) - STRIKE * dg.exp(-rate * years) * dg.special.ndtr(
        d1 - spread
    )


def greeks(spot, vol, years, rate):
    """Return price, delta, gamma, vega, theta and rho; gamma is a gradient of a gradient."""
    value = price(spot, vol, years, rate)
    delta, vega, decay, rho = dg.autograd.grad(
        value.sum(), (spot, vol, years, rate), create_graph=True
    )
    (gamma,) = dg.autograd.grad(delta.sum(), spot)
    return [x.detach() for x in (value, delta, gamma, vega, -decay, rho)]


def closed_form(s, v, t, r):
    """Return the same six numbers for one call, in plain Python."""
    d1 = (log(s / STRIKE) + (r + v * v / 2) * t) / (v * sqrt(t))
    d2 = d1 - v * sqrt(t)
    cdf1, cdf2 = ((1 + erf(d / sqrt(2))) / 2 for d in (d1, d2))
    density, bond = exp(-d1 * d1 / 2) / sqrt(2 * pi), STRIKE * exp(-r * t)
    theta = -s * density * v / (2 * sqrt(t)) - r * bond * cdf2
    gamma, vega = density / (s * v * sqrt(t)), s * density * sqrt(t)
    return s * cdf1 - bond * cdf2, cdf1, gamma, vega, theta, t * bond * cdf2


def main(eager=False):
    """Return the six vectors and their largest difference from the closed form."""
    inputs = [
        dg.linspace(60.0, 140.0, COUNT, dtype=dg.float64),
        dg.linspace(0.1, 0.5, COUNT, dtype=dg.float64),
        dg.linspace(0.25, 2.0, COUNT, dtype=dg.float64),
        dg.full((COUNT,), 0.03, dtype=dg.float64),
    ]
    for x in inputs:
        x.requires_grad_()
    found = (greeks if eager else dg.compile(greeks))(*inputs)
    exact = [closed_form(*row) for row in zip(*(x.tolist() for x in inputs), strict=True)]
    worst = max(
        abs(have - want)
        for column, wanted in zip(found, zip(*exact, strict=True), strict=True)
        for have, want in zip(column.tolist(), wanted, strict=True)
    )
    return [x.tolist() for x in found], worst


if __name__ == "__main__":
    columns, worst = main("--eager" in sys.argv)
    middle = COUNT // 2
    for name, column in zip(NAMES, columns, strict=True):
        print(f"{name:6} {column[middle]: .6f}")
    print(f"largest difference from the closed form: {worst:.1e}")
