"""Real data, small enough to ship with the package."""

from .digits import digits_split as digits_split, load_digits as load_digits
