"""Guards: what a trace relied on besides its tensor arguments, and whether it still holds.

Values are frozen into a comparable form (`freeze`), what a function can read is found by its code
(`reach`), and each such place is a guard that is asked at every call (`check`).
"""

from .check import Guards as Guards, Unchanging as Unchanging
from .freeze import Identity as Identity, frozen_tree as frozen_tree
from .reach import all_guards as all_guards, reads_of as reads_of
