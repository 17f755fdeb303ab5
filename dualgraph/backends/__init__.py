"""Switches of other backends: programs may set them, and nothing depends on them."""

from . import cuda as cuda, cudnn as cudnn, mps as mps
