"""The digits that ship with the package: what they are, and that a split is the same everywhere."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import dualgraph
from dualgraph.datasets import digits_split, load_digits
from dualgraph.errors import ArgumentError

FOLDER = Path(dualgraph.__file__).parent / "datasets"
CLASS_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as UCI lists them
PINNED = [5, 5, 6, 2, 5, 9, 7, 9, 3, 3, 4, 6]


def test_shapes_types_and_ranges():
    images, labels = (t.numpy() for t in load_digits())
    assert images.shape == (1797, 64)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert np.array_equal(images * 16, np.rint(images * 16))
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == CLASS_COUNTS


def test_the_file_is_small_and_its_first_line_is_the_known_zero():
    packed = (FOLDER / "digits.csv.gz").read_bytes()
    assert len(packed) < 100_000
    first = gzip.decompress(packed).split(b"\n")[0]
    assert first.startswith(b"0,0,5,13,9,1,0,0,0,0,13,15,10,15,5,0,")
    assert first.endswith(b",0")


def test_source_and_licence_are_named():
    text = (FOLDER / "README.md").read_text()
    assert "UCI" in text
    assert "CC BY 4.0" in text


def test_each_load_returns_memory_of_its_own():
    images, _ = load_digits()
    images.fill_(7.0)
    assert load_digits()[0].numpy().max() == 1.0


def test_split_is_deterministic_disjoint_and_complete():
    first, again, other = digits_split(), digits_split(), digits_split(seed=1)
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    assert not np.array_equal(first[1].numpy(), other[1].numpy())
    assert [tuple(t.shape) for t in first] == [(1437, 64), (1437,), (360, 64), (360,)]
    together = np.concatenate([first[1].numpy(), first[3].numpy()])
    assert np.bincount(together).tolist() == CLASS_COUNTS


def test_split_of_seed_zero_is_pinned():
    """A changed generator or sort would silently change every reported accuracy."""
    assert digits_split()[3].numpy()[:12].tolist() == PINNED


def test_split_leaves_the_users_random_stream_alone():
    dualgraph.manual_seed(3)
    expected = dualgraph.rand(4).numpy()
    dualgraph.manual_seed(3)
    digits_split()
    assert np.array_equal(dualgraph.rand(4).numpy(), expected)


@pytest.mark.parametrize("test", [0, -1, 1797])
def test_a_split_without_one_part_is_refused(test):
    with pytest.raises(ArgumentError, match=r"test must lie in 1\.\.1796"):
        digits_split(test)
