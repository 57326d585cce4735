"""Diagrams against sets of points, counted out."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.diagram import FALSE, TRUE, Box, Diagram

TOP = 7
POINTS = [dict(enumerate(point)) for point in product(range(TOP + 1), repeat=3)]

interval = st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda pair: tuple(sorted(pair)))
box = st.dictionaries(st.integers(0, 2), interval.map(lambda pair: (pair,)), min_size=1)
boxes = st.lists(box, max_size=5)


def inside(point: dict[int, int], boxes: list[Box]) -> bool:
    return any(
        all(any(low <= point[v] <= high for low, high in each[v]) for v in each) for each in boxes
    )


@given(boxes, boxes)
def test_it_holds_what_its_boxes_hold(one: list[Box], other: list[Box]) -> None:
    diagram = Diagram([TOP] * 3)
    a, b = diagram.union(one), diagram.union(other)
    made = {
        diagram.both(a, b): lambda p: inside(p, one) and inside(p, other),
        diagram.either(a, b): lambda p: inside(p, one) or inside(p, other),
        diagram.less(a, b): lambda p: inside(p, one) and not inside(p, other),
    }
    for node, expected in made.items():
        assert all(diagram.has(node, point) == expected(point) for point in POINTS)


@given(boxes)
def test_equal_sets_are_one_node_whatever_built_them(one: list[Box]) -> None:
    diagram = Diagram([TOP] * 3)
    node = diagram.union(one)
    assert diagram.any_of([diagram.box(each) for each in one]) == node
    assert diagram.union(list(diagram.boxes(node))) == node
    assert diagram.neither(diagram.neither(node)) == node


@given(boxes, st.integers(0, TOP))
def test_a_known_value_is_put_in(one: list[Box], value: int) -> None:
    diagram = Diagram([TOP] * 3)
    node = diagram.union(one)
    fixed = diagram.fixed(node, {1: value})
    assert 1 not in diagram.asks(fixed)
    assert all(diagram.has(fixed, p) == diagram.has(node, {**p, 1: value}) for p in POINTS)


@given(boxes)
def test_what_is_forgotten_may_be_either(one: list[Box]) -> None:
    diagram = Diagram([TOP] * 3)
    node = diagram.union(one)
    some, every = (diagram.without(node, 2, every=each) for each in (False, True))
    for point in POINTS:
        last = [diagram.has(node, {**point, 2: value}) for value in range(TOP + 1)]
        assert (diagram.has(some, point), diagram.has(every, point)) == (any(last), all(last))


def test_nothing_and_everything() -> None:
    diagram = Diagram([TOP])
    assert diagram.union([]) == FALSE
    assert diagram.union([{0: ((0, TOP),)}]) == TRUE
    assert diagram.values(0, ((0, 2), (4, TOP))) == diagram.neither(diagram.values(0, ((3, 3),)))
