"""Tools around training: checkpointing, data."""

from . import checkpoint as checkpoint, data as data
