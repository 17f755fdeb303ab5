"""erf, erfc and erfinv.

erf near 0 is ``x + x * P(x^2)``. Away from it float32 uses ``1 - exp(q(x))`` with q a polynomial
for ``log(erfc(x))``. erfc, and from 1 on erf in float64, is ``exp(-x^2) * erfcx(x)``: x^2 is taken
in two words, and ``(1 + 2x) * erfcx(x)`` is a polynomial in ``t = (x - m)/(x + m)``, which maps the
half line to [-1, 1) (Schonfelder 1978; Shepherd and Laframboise 1981). erfinv is ``x`` times a
polynomial in ``w = -log(1 - x^2)``, or in sqrt(w) near the ends (Giles 2010). All coefficients are
our own minimax fits (Remez in 40 to 50 digits).
"""

from .exponential import SPLIT_EXP
from .intrinsics import copysign, fabs, fma, horner, iashr, isub, power_of_two, select, sqrt
from .logarithm import log_f4, log_f8
from .scalar import F4, F8, Format, ScalarFunction, both, scalar

# erf(x)/x - 1 as a polynomial in x^2, |x| <= 1; the relative error of erf is 2^-29.0 and 2^-55.9.
_ERF = {
    F4: F4.constants(
        0.12837917,
        -0.37612626,
        0.11283579,
        -0.02685335,
        0.005187173,
        -0.0007997976,
        7.807399e-05,
    ),
    F8: F8.constants(
        0.12837916709551256,
        -0.37612638903183343,
        0.11283791670936949,
        -0.026866170641958686,
        0.00522397759672977,
        -0.0008548325484582179,
        0.00012055280480221225,
        -1.492446524830281e-05,
        1.644414476831107e-06,
        -1.6183939236525587e-07,
        1.3616442336388547e-08,
        -7.607273405399262e-10,
    ),
}
# log(erfc(x)) on [1, 4]; the relative error of erf is 2^-30.2. From 4 on erf rounds to 1.
_LOG_ERFC_F4 = F4.constants(
    1.6690145e-05,
    -1.1288149,
    -0.6346423,
    -0.106984705,
    0.024365002,
    -0.003915689,
    0.00038802627,
    -1.7600767e-05,
)
_ERF_ONE_F4 = F4.real(4.0)
# (1 + 2x)*erfcx(x) in t for x >= 1/2, with m = 2 and 3; 2^-26.9 and 2^-54.5.
_ERFCX = {
    F4: F4.constants(
        1.2769784,
        -0.09276388,
        -0.16602944,
        0.16405317,
        -0.05423867,
        -0.008050976,
        0.008851382,
        0.0013154033,
        -0.0018228823,
        -0.0004333063,
        0.0005722646,
    ),
    F8: F8.constants(
        1.2530080582697296,
        -0.13562110612458111,
        -0.04756229435343355,
        0.12964515870274954,
        -0.11927366341639783,
        0.06830802734454909,
        -0.023770514891808182,
        0.0025293918026786074,
        0.0018886900212769498,
        -0.0007798321021823768,
        -0.00010515733383179631,
        0.00012509807874310446,
        4.938388445005561e-06,
        -2.009468003428604e-05,
        -6.999902990258609e-07,
        3.455438602480435e-06,
        3.0077902686061775e-07,
        -5.868284481498273e-07,
        -8.19641105145934e-08,
        7.233919894282421e-08,
        7.674682857261526e-09,
    ),
}
_MIDDLE = {F4: F4.real(2.0), F8: F8.real(3.0)}
# From here on erfc rounds to 0.
_ERFC_ZERO = {F4: F4.real(10.5), F8: F8.real(27.5)}
# sqrt(pi)*x*erfcx(x) in 1/x^2, from 27.5 on (DLMF 7.12.1), divided by sqrt(pi).
_ERFCX_ASYMPTOTIC = F8.constants(
    0.5641895835477563,
    -0.28209479177387814,
    0.42314218766081724,
    -1.057855469152043,
    3.7024941420321507,
    -16.661223639144676,
    91.63673001529573,
)
_LOG = {F4: log_f4, F8: log_f8}
# erfinv(x)/x: in w - m below an end, then in sqrt(w) - m; float64 has one more piece. The relative
# errors are 2^-23.6 and 2^-22.9; 2^-54.3, 2^-52.4 and 2^-53.3.
_NEAR = {
    F4: F4.constants(
        1.5014094,
        0.24664065,
        -0.004177654,
        -0.0012535459,
        0.00021855794,
        -4.4920907e-06,
        -3.5171443e-06,
        3.6448813e-07,
        2.7565962e-08,
        -1.5050865e-09,
    ),
    F8: F8.constants(
        1.6536545626831027,
        0.24015818242558826,
        -0.006033670871427759,
        -0.0007407025341539604,
        0.000186734208024276,
        -1.3882523395773738e-05,
        -1.3654691844687158e-06,
        4.234788190524591e-07,
        -2.9070382745196864e-08,
        -4.112661958486482e-09,
        1.0512183833416763e-09,
        -5.414239890138054e-11,
        -1.2976953531977063e-11,
        2.6303572035111395e-12,
        -8.117104519769957e-14,
        -3.9990282089064865e-14,
        6.594823781242267e-15,
        -4.280321786455208e-17,
        -1.300489778639416e-16,
        1.575495581191762e-17,
        1.1448587498418564e-18,
        -3.573385155932862e-19,
        -1.0177813263611156e-21,
        3.3717411145843572e-21,
    ),
}
_FAR_F4 = F4.constants(
    2.8329768,
    1.0016718,
    0.009443631,
    -0.007590649,
    0.0057000555,
    -0.0037804863,
    0.0014612034,
    0.00020295175,
    -0.0003019453,
)
_MIDDLE_F8 = F8.constants(
    3.0838856104922203,
    1.0052589676941595,
    0.005370914553602914,
    -0.0037512085075869493,
    0.0024914420955005345,
    -0.001688275555619322,
    0.0009532893907686455,
    -0.00035503752445243547,
    2.4031010124691156e-05,
    6.828487312323982e-05,
    -4.731771752923955e-05,
    1.2475240353908434e-05,
    2.9219131751198212e-06,
    -4.0137614445568995e-06,
    1.5054123778819067e-06,
    1.814883263846216e-08,
    -2.7768643235962104e-07,
    9.078744448474303e-08,
    3.1976374149120776e-09,
)
_FAR_F8 = F8.constants(
    4.849906401408584,
    1.0103004648645462,
    -0.00013871931835337422,
    -0.000215030119863215,
    7.599527738554369e-05,
    -1.96817702281848e-05,
    4.526059787980904e-06,
    -9.930322206565543e-07,
    2.290157246140483e-07,
    -6.75471386786048e-08,
    2.912497380810831e-08,
    -1.527150475788667e-08,
    7.6425379193785e-09,
    -3.4543359244784806e-09,
    1.4913349368630643e-09,
    -4.468772274536506e-10,
    -2.3076252979668742e-11,
    4.4968127597639096e-11,
)
_NEAR_PIECE = {F4: F4.constants(5.0, 2.5), F8: F8.constants(6.25, 3.125)}
_FAR_AT_F4 = F4.real(3.0)
_MIDDLE_AT_F8, _MIDDLE_END_F8, _FAR_AT_F8 = F8.constants(3.25, 4.0, 5.0)


@both
def _erfc_of_square(c: Format) -> ScalarFunction:
    split, one, two, middle, coefficients = SPLIT_EXP[c], c.one, c.two, _MIDDLE[c], _ERFCX[c]

    @scalar
    def erfc_of_square(x, square, lost, scale):
        """scale * erfc(x) for x >= 1/2, given ``x^2 = square + lost``."""
        k, head, rest = split(-square)
        exp = one + (head + (rest - fma(lost, head + rest, lost)))
        t = (x - middle) / (x + middle)
        y = scale * exp * (horner(t, coefficients) / fma(two, x, one))
        half = iashr(k, 1)
        return y * power_of_two(half) * power_of_two(isub(k, half))

    return erfc_of_square


_ERFC_OF_SQUARE = dict(zip((F4, F8), _erfc_of_square, strict=True))


@both
def _erfc_positive(c: Format) -> ScalarFunction:
    erfc_of_square, one, most = _ERFC_OF_SQUARE[c], c.one, _ERFC_ZERO[c]

    @scalar
    def erfc_positive(x):
        """erfc(x) for x >= 0."""
        x = select(x > most, most, x)
        square = x * x
        return erfc_of_square(x, square, fma(x, x, -square), one)

    return erfc_positive


_ERFC_POSITIVE = dict(zip((F4, F8), _erfc_positive, strict=True))


@both
def _erfc(c: Format) -> ScalarFunction:
    erfc_positive, near = _ERFC_POSITIVE[c], _ERF[c]
    zero, half, one, two = c.zero, c.half, c.one, c.two

    @scalar
    def erfc(x):
        """1 - erf(x), written so near 0; for x < 0 elsewhere 2 - erfc(-x)."""
        y = fabs(x)
        far = erfc_positive(y)
        far = select(x < zero, two - far, far)
        return select(y < half, one - fma(x, horner(x * x, near), x), far)

    return erfc


def _erf_f4() -> ScalarFunction:
    split, one, near, log_erfc = SPLIT_EXP[F4], F4.one, _ERF[F4], _LOG_ERFC_F4
    most = _ERF_ONE_F4

    @scalar
    def erf(x):
        """Error function."""
        y = fabs(x)
        y = select(y > most, most, y)
        k, head, rest = split(horner(y, log_erfc))
        scale = power_of_two(k)
        far = (one - scale) - scale * (head + rest)
        return select(y < one, fma(x, horner(x * x, near), x), copysign(far, x))

    return erf


def _erf_f8() -> ScalarFunction:
    erfc_positive, one, near = _ERFC_POSITIVE[F8], F8.one, _ERF[F8]

    @scalar
    def erf(x):
        """Error function."""
        y = fabs(x)
        far = copysign(one - erfc_positive(y), x)
        return select(y < one, fma(x, horner(x * x, near), x), far)

    return erf


@scalar
def _far_f4(s):
    """erfinv(x)/x for s = sqrt(w) > sqrt(5)."""
    return horner(s - _FAR_AT_F4, _FAR_F4)


@scalar
def _far_f8(s):
    """erfinv(x)/x for s = sqrt(w) > 2.5."""
    middle = horner(s - _MIDDLE_AT_F8, _MIDDLE_F8)
    return select(s < _MIDDLE_END_F8, middle, horner(s - _FAR_AT_F8, _FAR_F8))


_FAR = {F4: _far_f4, F8: _far_f8}


@both
def _erfinv_of(c: Format) -> ScalarFunction:
    far, near, (near_end, near_at) = _FAR[c], _NEAR[c], _NEAR_PIECE[c]

    @scalar
    def erfinv_of(x, w):
        """erfinv(x), given ``w = -log(1 - x^2)``."""
        return x * select(w < near_end, horner(w - near_at, near), far(sqrt(w)))

    return erfinv_of


_ERFINV_OF = dict(zip((F4, F8), _erfinv_of, strict=True))


@both
def _erfinv(c: Format) -> ScalarFunction:
    log, erfinv_of, one, inf, nan = _LOG[c], _ERFINV_OF[c], c.one, c.inf, c.nan

    @scalar
    def erfinv(x):
        """The inverse of erf on (-1, 1); infinite at -1 and 1, NaN beyond."""
        y = fabs(x)
        z = erfinv_of(x, -log(fma(-x, x, one)))
        return select(y < one, z, select(y == one, copysign(inf, x), nan))

    return erfinv


def _for_normal() -> tuple[ScalarFunction, ScalarFunction]:
    middle, most, half, one = _MIDDLE[F8], _ERFC_ZERO[F8], F8.half, F8.one
    near, far, asymptotic = _ERF[F8], _ERFCX[F8], _ERFCX_ASYMPTOTIC

    @scalar
    def erf_near(x):
        """erf(x) for ``|x| <= 1``."""
        return fma(x, horner(x * x, near), x)

    @scalar
    def erfcx_far(x):
        """exp(x^2)*erfc(x) for x >= 1/2."""
        y = select(x > most, most, x)
        inner = half * horner((y - middle) / (y + middle), far) / (y + half)
        inverse = one / x
        outer = inverse * horner(inverse * inverse, asymptotic)
        return select(x > most, outer, inner)

    return erf_near, erfcx_far


erf_near_f8, erfcx_far_f8 = _for_normal()
erfc_of_square_f8, erfinv_of_f8 = _ERFC_OF_SQUARE[F8], _ERFINV_OF[F8]
erf_f4, erf_f8 = _erf_f4(), _erf_f8()
erfc_f4, erfc_f8 = _erfc
erfinv_f4, erfinv_f8 = _erfinv

SCALARS: dict[tuple[str, str], ScalarFunction] = {
    ("erf", "float32"): erf_f4,
    ("erf", "float64"): erf_f8,
    ("erfc", "float32"): erfc_f4,
    ("erfc", "float64"): erfc_f8,
    ("erfinv", "float32"): erfinv_f4,
    ("erfinv", "float64"): erfinv_f8,
}
"""(name, dtype name) -> the function to call from compiled code."""
