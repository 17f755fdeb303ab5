"""How a wrong call is tested: the class of the error, the facts in its text, the user's line."""

from collections.abc import Callable
from typing import Any

import pytest

from dualgraph.errors import DualgraphError

Bad = tuple[Callable[[], Any], type[DualgraphError], tuple[str, ...]]
"""A wrong call, the class it raises, and words that the message must have."""


def check_bad_call(case: Bad) -> None:
    """Run a wrong call; the error must name the file and the line on which the case stands."""
    call, error, words = case
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    missing = [word for word in words if word not in message]
    assert not missing, f"{missing} not in: {message}"
    assert isinstance(caught.value, DualgraphError)
    code = call.__code__
    assert f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}" in message, message
