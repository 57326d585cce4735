"""What an auditor gets: a folder that stands by itself, signed, to be read and checked later.

``tables`` and ``picture`` show what is permitted, ``annotate`` says of every line of the ruleset
what it is there for, ``page`` makes the report of it, ``pack`` writes the folder, ``signature``
signs and checks it, ``against`` compares two of them.
"""
