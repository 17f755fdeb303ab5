"""The tests; helpers are imported as ``tests.bits``, ``tests.ops.op_table`` and so on."""
