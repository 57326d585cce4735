"""Verification with real clients: what each device can do, and what it cannot.

The checks are pytest functions; the site says which there are. Each leaves a row of evidence:
device, protocol, what was done, result.
"""
