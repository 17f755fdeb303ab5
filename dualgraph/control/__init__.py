"""Control flow as ops: it runs in both frontends, and a traced function holds it as a region."""

from .scan import scan as scan

__all__ = ["scan"]
