"""An id spells out its lineage and its trace."""

from __future__ import annotations

import re

from shared.ids import child_id, lineage_root, root_id, traceparent
from tests.builders import at


def test_a_root_names_book_and_exchange_second():
    assert root_id("nifty", at(9, 22, 45)) == "nifty-20250829T092245"
    assert root_id("nifty", at(9, 22, 45), "tick") == "nifty-20250829T092245-tick"


def test_children_name_their_parents_and_differ_by_index():
    root = root_id("nifty", at(9, 22, 45))
    order = child_id(child_id(root, "predictor", 0), "risk", 1)
    assert order == "nifty-20250829T092245.predictor.risk~1"
    assert lineage_root(order) == root


def test_a_lineage_is_one_trace_with_a_span_per_event():
    root = root_id("nifty", at(9, 22, 45))
    ours, childs = traceparent(root), traceparent(child_id(root, "risk", 0))
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", ours)
    assert ours.split("-")[1] == childs.split("-")[1]
    assert ours.split("-")[2] != childs.split("-")[2]
