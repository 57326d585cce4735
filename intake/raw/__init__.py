"""Matrices without a header of their own, read by a profile that an operator approved."""
