"""Tools around training: checkpointing, data, files."""

from . import checkpoint as checkpoint, data as data, storage as storage
