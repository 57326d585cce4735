"""By packets: the same question put to the kernel, which is no friend of any theory.

``wires`` clones a ruleset into network namespaces of its own, ``raw`` makes packets, ``corners``
chooses them (the edges of every flow and the gaps between), ``compare`` sends them and holds what
came through against the diagram. Never on a box that anybody uses.
"""
