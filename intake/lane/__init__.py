"""The lane on the box: what devices drop goes into the archive, each file exactly once.

Exactly once needs no distributed transaction: an object's UID is made of its content, so storing it
again changes nothing. What is decided is written to the ledger first and done afterwards; after
a crash the decision is carried out, or the file is simply converted again.
"""
