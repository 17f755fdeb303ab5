"""The methods of a tensor that are ops, one class for each family."""

from .arithmetic import ArithmeticMethods as ArithmeticMethods
from .bitwise import BitwiseMethods as BitwiseMethods
from .contract import ContractMethods as ContractMethods
from .conversion import ConversionMethods as ConversionMethods
from .elementwise import ElementwiseMethods as ElementwiseMethods
from .indexing import IndexingMethods as IndexingMethods
from .random import RandomMethods as RandomMethods
from .recorded import RecordedMethods as RecordedMethods, install_methods as install_methods
from .reductions import ReductionMethods as ReductionMethods
from .selection import SelectionMethods as SelectionMethods
from .shape import ShapeMethods as ShapeMethods
from .sorting import SortingMethods as SortingMethods
from .special import SpecialMethods as SpecialMethods
