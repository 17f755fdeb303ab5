"""Switches of cuDNN: every result is deterministic, whatever is set here."""

enabled = False
deterministic = True
benchmark = False
allow_tf32 = False


def is_available() -> bool:
    """Return False."""
    return False
