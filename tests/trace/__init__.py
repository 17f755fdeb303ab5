"""The known ways in which jit compilers fool their users, and what becomes of each of them here.

Each test ends in the right result or in an error of our own whose text is checked.
"""
