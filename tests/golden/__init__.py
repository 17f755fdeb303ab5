"""Golden hashes: the bits that small programs end with, pinned from release to release.

``hashes.json`` has one line for each result of each program. A change that moves a line says so in
CHANGELOG.md with the reason and renews the file in the same commit:
``python -m tests.golden --renew``.
"""
