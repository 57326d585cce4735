"""What runs on the box: stage a rendered tree, check it, switch to it, or go back.

Debian's python3 and its standard library only; it imports nothing of the rest of the toolkit,
travels inside the tree that it places (see docs/decisions/0002-box-code-in-the-tree.md), and
is called ``gateway-box`` there.
"""
