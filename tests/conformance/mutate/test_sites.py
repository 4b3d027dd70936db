"""What can be changed in a function: one small function for each operator."""

from __future__ import annotations

import ast
import textwrap

from conformance.mutate.sites import edits


def changes(source: str) -> list[tuple[str, str, str]]:
    """Operator, before and after of every change to one function."""
    return [(each.operator, each.before, each.after) for each in edits(function(source))]


def function(source: str) -> ast.FunctionDef:
    found = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(found, ast.FunctionDef)
    return found


def mutated(source: str, operator: str) -> list[str]:
    """The bodies that one operator makes."""
    whole, texts = function(source), []
    for edit in edits(whole):
        if edit.operator == operator:
            with edit.applied():
                texts.append("\n".join(map(ast.unparse, whole.body)))
    return texts


def test_a_guard_is_left_out_and_its_condition_negated() -> None:
    source = """
    def f(state: State, d: Decide) -> State:
        d.take("A-1")
        if state.bad:
            state = repair(state)
        return state
    """
    assert ("drop", "if state.bad:", "") in changes(source)
    assert ("negate", "state.bad", "not state.bad") in changes(source)


def test_what_stands_under_one_citation_is_left_out_together() -> None:
    source = """
    def f(x):
        d.take("A-1")
        x = g(x)
        x = h(x)
        d.take("A-2")
        return x
    """
    assert "d.take('A-1')\nd.take('A-2')\nreturn x" in mutated(source, "drop")


def test_a_statement_without_which_a_name_is_unbound_stays() -> None:
    source = """
    def f(x):
        y = g(x)
        return y
    """
    assert changes(source) == []


def test_a_slot_is_left_as_it_was() -> None:
    source = "def f(x):\n    return attrs.evolve(x, a=1, b=2)"
    assert mutated(source, "drop") == [
        "return attrs.evolve(x, b=2)",
        "return attrs.evolve(x, a=1)",
    ]


def test_what_came_in_is_given_back() -> None:
    source = "def f(x: Record, d: Decide) -> Record | None:\n    return settle(x, 'success')"
    assert "return x" in mutated(source, "drop")


def test_nothing_is_enqueued() -> None:
    source = "def f(state):\n    return state.enqueue_edit(g(state))"
    assert mutated(source, "drop") == ["return state"]


def test_two_guards_are_swapped_with_their_citations() -> None:
    source = """
    def f(x):
        d.take("A-1")
        if x.one:
            return 1
        d.take("A-2")
        if x.two:
            return 2
        return 3
    """
    (text,) = mutated(source, "swap")
    assert text.index("A-2") < text.index("x.two") < text.index("A-1") < text.index("x.one")


def test_steps_whose_order_cannot_matter_are_not_swapped() -> None:
    source = """
    def f(x, y):
        x = g(x)
        y = g(y)
        return x, y
    """
    assert mutated(source, "swap") == []


def test_a_rejection_becomes_a_fulfilled_value_and_the_reverse() -> None:
    source = """
    def f(state):
        if state.bad:
            return _settle(state, "r", "c", Rejected("TypeError", "A-1"))
        return _settle(state, "r", "c", True)
    """
    assert ("resolve", "Rejected('TypeError', 'A-1')", "None") in changes(source)
    assert "return _settle(state, 'r', 'c', Rejected('TypeError', ''))" in "".join(
        mutated(source, "reject")
    )


def test_a_function_that_has_to_give_something_is_not_made_to_give_nothing() -> None:
    source = "def f(x) -> Agent | Rejected:\n    return Rejected('TypeError', 'A-1')"
    assert mutated(source, "resolve") == []
    assert mutated(source, "error") == ["return Rejected('InvalidStateError', 'A-1')"]


def test_a_limit_is_met_one_earlier() -> None:
    source = "def f(x):\n    return x.got > x.last - x.first + 1"
    assert mutated(source, "limit") == [
        "return x.got >= x.last - x.first + 1",
        "return x.got > x.last - x.first",
    ]


def test_what_a_driver_is_asked_stays_the_question() -> None:
    source = "def f(d):\n    return d.choose('the key', ('success', 'aborted'))"
    assert changes(source) == []


def test_a_change_is_undone() -> None:
    whole = function("def f(x):\n    return attrs.evolve(x, a=1)")
    before = ast.unparse(whole)
    for edit in edits(whole):
        with edit.applied():
            assert ast.unparse(whole) != before
    assert ast.unparse(whole) == before
