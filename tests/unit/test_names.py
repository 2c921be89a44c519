"""A public class has a name of its own, and what nobody uses is not there: names and settings, found in the sources."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

from trading_system.operations.settings_reference import settings_classes

ROOT = Path(__file__).resolve().parents[2]
TREES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for folder in ("shared", "services", "trading_system")
    for path in sorted((ROOT / folder).rglob("*.py"))
}

FOR_PEOPLE = {"TradingSystem.simulate_offline", "TradingSystem.train_models", "UnsplitMember"}
FOR_TESTS_AND_BENCHMARKS = {
    "ManualClock",
    "ManualClock.move_to",
    "generate_samples",
    "Outbox.at_rest",
    "decode_json",
    "inspect_broker",
    "read_stream",
}
CALLED_BY_A_LIBRARY = {"ServiceSettings.settings_customise_sources", "_Handler.do_GET", "_Handler.log_message"} | {
    "_Server.capture_signals"
}
RULES_NO_SERVICE_ASKS_FOR_YET = {
    "ContractTable.max_lots_per_order",
    "Interval.excludes",
    "Margin.share_of_notional",
    "OptionCosts.points_per_unit",
    "TradingCalendar.is_covered",
    "annualised_volatility",
    "overlapping_pairs",
}
"""Tested rules of the exchange and of validation. Whoever uses one takes it out of here; no new one comes in."""
OF_ORDER_VENUES = {
    "OrderVenue.modify",
    "SimulatedExchange.lose",
    "SimulatedExchange.modify",
}
"""Verbs that nothing calls while order-taking venues are not wired to the book, and how a simulated one is moved."""
ALLOWED = OF_ORDER_VENUES | FOR_PEOPLE | FOR_TESTS_AND_BENCHMARKS | CALLED_BY_A_LIBRARY | RULES_NO_SERVICE_ASKS_FOR_YET
REGISTERED = ("command", "callback", "validator", "get", "post", "websocket", "exception_handler", "middleware")
"""Decorators that hand a function to a library, which calls it."""


def used(tree: ast.AST) -> Counter[str]:
    """Count the names a source uses, also as texts: `getattr` and registries name things so."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found[name] += 1
            case ast.alias(name=name):
                found[name.rpartition(".")[2]] += 1
            case ast.keyword(arg=str(name)):
                found[name] += 1
            case ast.Constant(value=str(name)) if name.isidentifier():
                found[name] += 1
    return found


def defined(tree: ast.Module):
    """Give qualified name and node of every function, class and method that others could use."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{one.name}", one) for one in node.body if isinstance(one, ast.FunctionDef))


def registered(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any(word in ast.dump(decorator) for decorator in node.decorator_list for word in REGISTERED)


def test_a_class_name_stands_once_in_the_tree():
    places = defaultdict(list)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert twice == {}


def test_every_public_name_is_used_somewhere():
    uses = sum((used(tree) for tree in TREES.values()), Counter())
    unused = {
        name
        for tree in TREES.values()
        for name, node in defined(tree)
        if not name.rpartition(".")[2].startswith("_") and not registered(node) and not uses[name.rpartition(".")[2]]
    }
    assert unused - ALLOWED == set()
    assert ALLOWED - unused == set(), "these are used now: take them off the list"


def test_every_setting_is_read_somewhere():
    texts = [path.read_text(encoding="utf-8") for path in TREES]
    unread = [
        f"{cls.__name__}.{field}"
        for cls in settings_classes()
        for field in cls.model_fields
        if not any(re.search(rf"\.{field}\b", text) for text in texts)
    ]
    assert unread == []
