"""All golden programs by name."""

from tests.golden import (
    contract_programs,
    elementwise_programs,
    index_programs,
    layer_programs,
    optimizer_programs,
    reduction_programs,
    shape_programs,
)
from tests.golden.program import Program

EAGER_ONLY: dict[str, Program] = {**reduction_programs.EAGER_ONLY}  # shapes depend on values
PROGRAMS: dict[str, Program] = {
    **elementwise_programs.PROGRAMS,
    **reduction_programs.PROGRAMS,
    **shape_programs.PROGRAMS,
    **index_programs.PROGRAMS,
    **contract_programs.PROGRAMS,
    **layer_programs.PROGRAMS,
    **optimizer_programs.PROGRAMS,
    **EAGER_ONLY,
}
