"""The modified Bessel functions i0 and i1, also times e^-|x|.

Up to 8 both are polynomials in x^2/4, ``I1(x)`` after division by x/2; beyond, sqrt(x)*e^-x times
them is one in 16/x - 1. All interpolate in Chebyshev points (50 digits). float32 computes in
float64 and rounds once.
"""

from .exponential import exp_f8
from .intrinsics import copysign, fabs, horner, select, sqrt
from .scalar import F8, ScalarFunction, narrowed, scalar

_HALF, _ONE, _EIGHT, _INF = F8.constants(0.5, 1.0, 8.0, float("inf"))
_QUARTER, _SIXTEEN = F8.constants(0.25, 16.0)
_ZERO = F8.zero
# Relative errors 2^-55.0, 2^-53.7, 2^-54.1 and 2^-55.5.
_I0 = F8.constants(
    1.0,
    1.0,
    0.2500000000000001,
    0.027777777777777565,
    0.0017361111111113758,
    6.944444444424399e-05,
    1.9290123457790406e-06,
    3.936759885673581e-08,
    6.151187413177668e-10,
    7.594056846699174e-12,
    7.594079950279469e-14,
    6.275862820937522e-16,
    4.3600362269175774e-18,
    2.5698743857514957e-20,
    1.35095827969477e-22,
    4.940670282542572e-25,
    3.6454386812677436e-27,
)
_I0_FAR = F8.constants(
    0.4021765094450081,
    0.003360551983667854,
    0.00013621607439232743,
    1.1143033791557258e-05,
    1.4838475473628116e-06,
    2.9735984323369234e-07,
    8.872253508043717e-08,
    3.932602477759652e-08,
    2.1545177907113982e-08,
    7.553515200867824e-09,
    -6.729725266665263e-09,
    -1.340423655410979e-08,
    -5.468594330289647e-09,
    7.540586456690016e-09,
    7.580216323901788e-09,
    -3.485761965272559e-09,
    -6.188260815916876e-09,
    1.497849554666941e-09,
    3.881150518732147e-09,
    -5.561973081536313e-10,
    -1.778939439145943e-09,
    1.467128327393434e-10,
    5.181953397188329e-10,
    -1.92150399658516e-11,
    -7.068980735737102e-11,
)
_I1 = F8.constants(
    1.0,
    0.5000000000000001,
    0.08333333333333304,
    0.0069444444444450686,
    0.00034722222222153507,
    1.157407407453132e-05,
    2.7557319204030443e-07,
    4.920949921538654e-09,
    6.834651294492253e-11,
    7.594078567160322e-13,
    6.90345927367201e-15,
    5.231992159979275e-17,
    3.3410044697092935e-19,
    1.891028804078631e-21,
    7.413211040554544e-24,
    5.833651333188183e-26,
)
_I1_FAR = F8.constants(
    0.38939845902587233,
    -0.009749577193235728,
    -0.0002192357638343027,
    -1.5038547201176836e-05,
    -1.83491011346854e-06,
    -3.4838556088542477e-07,
    -1.000132345819235e-07,
    -4.312935389722824e-08,
    -2.3370596488174934e-08,
    -8.426621441595637e-09,
    6.715796038868994e-09,
    1.4029687646589226e-08,
    6.040875176608578e-09,
    -7.630735666169065e-09,
    -8.044228698415434e-09,
    3.4066068764800076e-09,
    6.4870194292052196e-09,
    -1.4171356473924843e-09,
    -4.047789272036386e-09,
    5.146248895685667e-10,
    1.8513768486527673e-09,
    -1.3421622441308236e-10,
    -5.388315468005027e-10,
    1.7500616330408353e-11,
    7.348057581131948e-11,
)


@scalar
def _far(y, coefficients):
    """e^-y times the function, for y > 8."""
    return horner(_SIXTEEN / y - _ONE, coefficients) / sqrt(y)


@scalar
def _grown(y, far):
    """e^y times ``far`` for y > 8, in two steps: e^y overflows before the function does."""
    root = exp_f8(_HALF * y)
    return select(y == _INF, _INF, root * far * root)


@scalar
def _near(y, coefficients):
    """The polynomial in y^2/4; beyond 8 a number that nobody reads."""
    y = select(y > _EIGHT, _EIGHT, y)
    return horner(_QUARTER * y * y, coefficients)


@scalar
def i0_f8(x):
    """I0(x)."""
    y = fabs(x)
    return select(y > _EIGHT, _grown(y, _far(y, _I0_FAR)), _near(y, _I0))


@scalar
def i0e_f8(x):
    """e^-|x| I0(x)."""
    y = fabs(x)
    return select(y > _EIGHT, _far(y, _I0_FAR), exp_f8(-y) * _near(y, _I0))


@scalar
def i1_f8(x):
    """I1(x), which is odd."""
    y = fabs(x)
    near = _HALF * (y * _near(y, _I1))
    return copysign(select(y > _EIGHT, _grown(y, _far(y, _I1_FAR)), near), x)


@scalar
def i1e_f8(x):
    """e^-|x| I1(x)."""
    y = fabs(x)
    near = _HALF * (y * (exp_f8(-y) * _near(y, _I1)))
    return copysign(select(y > _EIGHT, _far(y, _I1_FAR), near), x)


i0_f4, i0e_f4, i1_f4, i1e_f4 = (narrowed(f) for f in (i0_f8, i0e_f8, i1_f8, i1e_f8))

SCALARS: dict[tuple[str, str], ScalarFunction] = {
    ("i0", "float32"): i0_f4,
    ("i0", "float64"): i0_f8,
    ("i0e", "float32"): i0e_f4,
    ("i0e", "float64"): i0e_f8,
    ("i1", "float32"): i1_f4,
    ("i1", "float64"): i1_f8,
    ("i1e", "float32"): i1e_f4,
    ("i1e", "float64"): i1e_f8,
}
"""(name, dtype name) -> the function to call from compiled code."""
