"""The tests; helpers are imported as ``tests.bits``, ``tests.op_table`` and so on."""
