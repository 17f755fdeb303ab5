"""All golden programs by name."""

from tests.golden import (
    contract_programs,
    control_programs,
    elementwise_programs,
    example_programs,
    gradient_programs,
    index_programs,
    large_programs,
    layer_programs,
    optimizer_programs,
    random_programs,
    recorded_programs,
    reduction_programs,
    shape_programs,
    window_programs,
)
from tests.golden.program import Program

_MODULES = (
    elementwise_programs,
    recorded_programs,
    reduction_programs,
    shape_programs,
    index_programs,
    contract_programs,
    control_programs,
    window_programs,
    random_programs,
    gradient_programs,
    layer_programs,
    optimizer_programs,
    large_programs,
    example_programs,
)
_EAGER = {
    **reduction_programs.EAGER_ONLY,  # their shapes depend on values
    **window_programs.EAGER_ONLY,  # the layers run these functions compiled
    **gradient_programs.EAGER_ONLY,  # they are not compiled: modules start eagerly
    **example_programs.EAGER_ONLY,  # they print
}
EAGER_ONLY = frozenset(_EAGER)
PROGRAMS: dict[str, Program] = {
    **{name: program for m in _MODULES for name, program in m.PROGRAMS.items()},
    **_EAGER,
}
