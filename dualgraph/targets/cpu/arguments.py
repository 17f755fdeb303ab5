"""Argument blocks by name: one declaration gives the text that reads a block and the words in it.

A kernel gets the address of a block of int64 words. What stands where is declared once, as fields
in order; the text of the kernel asks the declaration for the word to read, and whoever calls the
kernel packs the words by keyword.
"""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TypeVar, cast

T = TypeVar("T")


class Block:
    """The fields of an argument block, in order: each has one word, or several.

    >>> block = Block.of("x out n stride")
    >>> block.unpack("n", "stride")
    'n, stride = a[2], a[3]'
    >>> block.pack(x=70, out=80, n=3, stride=1)
    [70, 80, 3, 1]
    >>> Block(pointer=2, extent=3)["extent", 1]
    'a[3]'
    """

    __slots__ = ("_counts", "_plain", "_starts", "size")

    def __init__(self, **counts: int) -> None:
        self._counts = counts
        self._starts: dict[str, int] = {}
        self.size = 0
        for name, count in counts.items():
            self._starts[name] = self.size
            self.size += count
        self._plain = all(count == 1 for count in counts.values())

    @classmethod
    def of(cls, names: str) -> "Block":
        """Return a block with one word for each of these names, separated by spaces."""
        return cls(**dict.fromkeys(names.split(), 1))

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the fields in order."""
        return iter(self._counts)

    def at(self, name: str, i: int = 0) -> int:
        """Return the number of a word."""
        return self._starts[name] + i

    def __getitem__(self, key: str | tuple[str, int]) -> str:
        """Return the expression that reads a word, or word i of a field, from the block ``a``."""
        name, i = (key, 0) if isinstance(key, str) else key
        return f"a[{self._starts[name] + i}]"

    def unpack(self, *names: str, base: str = "a") -> str:
        """Return the statement that gives each of these words its name."""
        words = [f"{base}[{self._starts[name]}]" for name in names]
        return f"{', '.join(names)} = {', '.join(words)}"

    def words(self, base: str = "a") -> SimpleNamespace:
        """Return the expressions that read the words, for templates.

        >>> block = Block(x=1, stride=3)
        >>> "x = ptr_f4({a.x} + {a.stride[1]} * 4)".format(a=block.words())
        'x = ptr_f4(a[0] + a[2] * 4)'
        """
        words: dict[str, str | list[str]] = {}
        for name, start in self._starts.items():
            field = [f"{base}[{start + i}]" for i in range(self._counts[name])]
            words[name] = field[0] if len(field) == 1 else field
        return SimpleNamespace(**words)

    def cell(self, name: str, table: str, row: str) -> str:
        """Return the expression that reads a word of one of the blocks that make up a table.

        >>> Block.of("slot object offset").cell("offset", "patches", "i")
        'patches[3 * i + 2]'
        """
        start = self._starts[name]
        return f"{table}[{self.size} * {row}{f' + {start}' if start else ''}]"

    def pack(self, **words: T | Sequence[T]) -> list[T]:
        """Return the words in order; a field of several takes a sequence.

        Raises `TypeError` for a field that is missing, unknown, or of another length.
        """
        if words.keys() != self._counts.keys():
            raise TypeError(f"the fields are {[*self._counts]}, not {[*words]}")
        if self._plain:
            return [cast(T, words[name]) for name in self._counts]
        block: list[T] = []
        for name, count in self._counts.items():
            word = words[name]
            field = cast(Sequence[T], word) if isinstance(word, list | tuple) else [cast(T, word)]
            if len(field) != count:
                raise TypeError(f"{name} has {count} words, not {len(field)}")
            block += field
        return block


STATUS = Block.of("failed row index")
"""What kernels that may refuse their input write: which number is wrong, then that they did."""

LOOP = Block.of("step length reverse moves move_count")
"""The block of a loop; the addresses of its bases follow."""

MOVE = Block.of("slot base offset stride")
"""At each step the slot gets the address in ``base``, plus the offset, plus stride * step."""
