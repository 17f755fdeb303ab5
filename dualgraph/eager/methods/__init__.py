"""The methods of a tensor that are ops, one class for each family."""

from .contract import ContractMethods as ContractMethods
from .elementwise import ElementwiseMethods as ElementwiseMethods
from .indexing import IndexingMethods as IndexingMethods
from .reductions import ReductionMethods as ReductionMethods
from .shape import ShapeMethods as ShapeMethods
from .sorting import SortingMethods as SortingMethods
