"""What becomes of sequences: steps to steps (encoders), steps to one vector (poolers).

A sequence is a list of steps, the most recent first, in a `Jagged` of `[L, D]` values.
"""
