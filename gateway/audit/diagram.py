"""Interval decision diagrams: sets of packets as shared graphs, which have one form only.

A node asks one variable; its edges cover the variable's values by intervals, in rising order.
Two sets are equal exactly if their nodes are the same number, whatever built them (after
R. E. Bryant, Graph-Based Algorithms for Boolean Function Manipulation, 1986; K. Strehl and
L. Thiele, Interval Diagrams, 1998).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from gateway.audit.rules import Values

FALSE, TRUE = 0, 1
Box = Mapping[int, Values]
"""Variables and the values each may have; a variable left out may have any."""
_Edges = list[tuple[int, int]]
_AND, _OR, _LESS = range(3)


class Diagram:
    """Nodes over variables that take the values 0 to their limit; nodes are whole numbers."""

    def __init__(self, limits: Iterable[int]) -> None:
        self.limits = list(limits)
        last = 1 << 30  # below every variable
        self.variable = [last, last]
        self.edges: list[tuple[tuple[int, int], ...]] = [(), ()]
        """Of each node: (highest value, child), in rising order."""
        self._known: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}
        self._done: tuple[dict[tuple[int, int], int], ...] = ({}, {}, {})

    def new_variable(self, limit: int = 1) -> int:
        """One more variable, asked after all others."""
        self.limits.append(limit)
        return len(self.limits) - 1

    def node(self, variable: int, edges: _Edges) -> int:
        """The node with these edges; neighbours that lead to one place become one."""
        merged: _Edges = []
        for edge in edges:
            if merged and merged[-1][1] == edge[1]:
                merged[-1] = edge
            else:
                merged.append(edge)
        if len(merged) == 1:
            return merged[0][1]
        key = (variable, tuple(merged))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.variable)
            self.variable.append(variable)
            self.edges.append(key[1])
        return found

    def values(self, variable: int, values: Values, inside: int = TRUE) -> int:
        """Where the variable is among the values, ``inside``; elsewhere nothing."""
        edges: _Edges = []
        for low, high in values:
            if low and (not edges or edges[-1][0] < low - 1):
                edges.append((low - 1, FALSE))
            edges.append((high, inside))
        limit = self.limits[variable]
        if not edges or edges[-1][0] < limit:
            edges.append((limit, FALSE))
        return self.node(variable, edges)

    def box(self, box: Box) -> int:
        """Where every variable is among its values."""
        result = TRUE
        for variable in sorted(box, reverse=True):
            result = self.values(variable, box[variable], result)
        return result

    def union(self, boxes: Sequence[Box]) -> int:
        """Where any of many boxes is, built in one sweep from the top: cheap for thousands."""
        variables = sorted({variable for box in boxes for variable in box})
        return _Sweep(self, variables, boxes).node(0, tuple(range(len(boxes))))

    def both(self, a: int, b: int) -> int:
        """Where both are."""
        return self._apply(_AND, a, b)

    def either(self, a: int, b: int) -> int:
        """Where one of them is."""
        return self._apply(_OR, a, b)

    def less(self, a: int, b: int) -> int:
        """Where the first is and the second is not."""
        return self._apply(_LESS, a, b)

    def neither(self, a: int) -> int:
        """Where it is not."""
        return self._apply(_LESS, TRUE, a)

    def any_of(self, nodes: Sequence[int]) -> int:
        """Where one of many is, joined pair by pair so that no join is large twice."""
        left = list(nodes)
        while len(left) > 1:
            pairs = [self.either(a, b) for a, b in zip(left[::2], left[1::2], strict=False)]
            left = pairs + left[len(pairs) * 2 :]
        return left[0] if left else FALSE

    def _apply(self, op: int, a: int, b: int) -> int:
        easy = _terminal(op, a, b)
        if easy >= 0:
            return easy
        if op != _LESS and a > b:
            a, b = b, a
        done = self._done[op]
        found = done.get((a, b))
        if found is None:
            va, vb = self.variable[a], self.variable[b]
            if va < vb:
                edges = [(high, self._apply(op, child, b)) for high, child in self.edges[a]]
            elif vb < va:
                edges = [(high, self._apply(op, a, child)) for high, child in self.edges[b]]
            else:
                edges = self._zip(op, self.edges[a], self.edges[b])
            found = done[a, b] = self.node(min(va, vb), edges)
        return found

    def _zip(
        self, op: int, a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]
    ) -> _Edges:
        edges: _Edges = []
        i = j = 0
        while i < len(a):
            (high_a, child_a), (high_b, child_b) = a[i], b[j]
            edges.append((min(high_a, high_b), self._apply(op, child_a, child_b)))
            i += high_a <= high_b
            j += high_b <= high_a
        return edges

    def fixed(self, node: int, values: Mapping[int, int]) -> int:
        """What it is where some variables have a known value."""
        if not values:
            return node
        last = max(values)
        done: dict[int, int] = {}

        def walk(at: int) -> int:
            variable = self.variable[at]
            if variable > last:
                return at
            found: int | None = done.get(at)
            if found is None:
                if variable in values:
                    wanted = values[variable]
                    found = walk(next(child for high, child in self.edges[at] if wanted <= high))
                else:
                    edges = [(high, walk(child)) for high, child in self.edges[at]]
                    found = self.node(variable, edges)
                done[at] = found
            return found

        return walk(node)

    def lowered(self, node: int, variable: int) -> int:
        """What it is for packets whose value of a variable was lowered by one, and was not 0."""
        done: dict[int, int] = {}

        def walk(at: int) -> int:
            if self.variable[at] > variable:
                return at
            if at not in done:
                edges = [(high, walk(child)) for high, child in self.edges[at]]
                if self.variable[at] == variable:  # the highest value is nobody's any more
                    limit = self.limits[variable]
                    moved = [(high + 1, child) for high, child in edges if high + 1 < limit]
                    last = next(child for high, child in edges if high + 1 >= limit)
                    edges = [*moved, (limit, last)]
                done[at] = self.node(self.variable[at], edges)
            return done[at]

        return walk(node)

    def without(self, node: int, first: int, *, every: bool) -> int:
        """The variables from ``first`` on forgotten: where some (``every``: each) value does."""
        done: dict[int, int] = {}

        def walk(at: int) -> int:
            if at <= TRUE:
                return at
            found = done.get(at)
            if found is None:
                edges = [(high, walk(child)) for high, child in self.edges[at]]
                if self.variable[at] >= first:  # all below are forgotten too: constants
                    children = {child for _, child in edges}
                    found = min(children) if every else max(children)
                else:
                    found = self.node(self.variable[at], edges)
                done[at] = found
            return found

        return walk(node)

    def asks(self, node: int) -> set[int]:
        """The variables it depends on."""
        return {self.variable[at] for at in self.reachable(node)}

    def reachable(self, node: int) -> set[int]:
        """Its inner nodes."""
        seen: set[int] = set()
        waiting = [node]
        while waiting:
            at = waiting.pop()
            if at > TRUE and at not in seen:
                seen.add(at)
                waiting += [child for _, child in self.edges[at]]
        return seen

    def boxes(self, node: int) -> Iterator[dict[int, Values]]:
        """It as boxes that do not overlap; edges of a node that lead to one child are one."""
        if node == TRUE:
            yield {}
        elif node != FALSE:
            children: dict[int, list[tuple[int, int]]] = {}
            low = 0
            for high, child in self.edges[node]:
                children.setdefault(child, []).append((low, high))
                low = high + 1
            for child, intervals in children.items():
                for rest in self.boxes(child):
                    yield {self.variable[node]: tuple(intervals), **rest}

    def has(self, node: int, point: Mapping[int, int]) -> bool:
        """Whether one assignment is in it."""
        while node > TRUE:
            value = point[self.variable[node]]
            node = next(child for high, child in self.edges[node] if value <= high)
        return node == TRUE


def _terminal(op: int, a: int, b: int) -> int:
    """The result that needs no look inside, or -1."""
    if op == _LESS:
        if a == FALSE or b in (TRUE, a):
            return FALSE
        return a if b == FALSE else -1
    nothing, everything = (FALSE, TRUE) if op == _AND else (TRUE, FALSE)
    if nothing in (a, b):
        return nothing
    if a in (everything, b):
        return b
    return a if b == everything else -1


class _Sweep:
    """The union of boxes: at each variable, which boxes are there between two borders."""

    def __init__(self, diagram: Diagram, variables: list[int], boxes: Sequence[Box]) -> None:
        self.diagram, self.variables, self.boxes = diagram, variables, boxes
        self.done: dict[tuple[int, tuple[int, ...]], int] = {}

    def node(self, depth: int, active: tuple[int, ...]) -> int:
        if not active:
            return FALSE
        if depth == len(self.variables):
            return TRUE
        if len(active) == 1:
            return self._alone(depth, self.boxes[active[0]])
        key = (depth, active)
        found = self.done.get(key)
        if found is None:
            found = self.done[key] = self._build(depth, active)
        return found

    def _alone(self, depth: int, box: Box) -> int:
        result = TRUE
        for variable in reversed(self.variables[depth:]):
            if variable in box:
                result = self.diagram.values(variable, box[variable], result)
        return result

    def _build(self, depth: int, active: tuple[int, ...]) -> int:
        variable = self.variables[depth]
        limit = self.diagram.limits[variable]
        starts: dict[int, list[int]] = {0: []}
        ends: dict[int, list[int]] = {}
        for index in active:
            for low, high in self.boxes[index].get(variable, ((0, limit),)):
                starts.setdefault(low, []).append(index)
                ends.setdefault(high + 1, []).append(index)
        borders = sorted({*starts, *ends, limit + 1})
        here: dict[int, None] = {}
        edges: _Edges = []
        for low, after in pairwise(borders):
            for index in ends.get(low, ()):
                del here[index]
            for index in starts.get(low, ()):
                here[index] = None
            edges.append((after - 1, self.node(depth + 1, tuple(sorted(here)))))
        return self.diagram.node(variable, edges)
