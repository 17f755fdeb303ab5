"""Saving and loading: safetensors files, whose metadata holds the structure around the tensors.

The container. A file is a safetensors file whose metadata has the key ``dualgraph``: JSON text with
``version`` (1) and ``structure``, which mirrors the saved object. Dicts with string keys, lists,
strings, finite numbers, booleans and None stand for themselves; everything else is a dict with the
key ``"$"`` that names the kind:

======== ==================================== ==================================================
kind     other keys                           stands for
======== ==================================== ==================================================
tensor   name, object, grad, parameter        a tensor of the file; equal names share memory,
                                              equal objects are one tensor
dict     items: list of [key, value]          a dict with other keys, or with the key "$"
ordered  items                                an OrderedDict
tuple    items                                a tuple
size     items                                a `dualgraph.Size`
float    value: "inf", "-inf" or "nan"        a float that JSON has no word for
dtype    value: "float32", ...                a dtype
generator name                                a `Generator` with this int64[2] state
======== ==================================== ==================================================

A tensor is named by its path, ``optimizer.state.0.exp_avg``; a state dict therefore has its own
names, and any other reader of safetensors can read it.
"""

from .files import load as load, save as save
