"""A scenario as YAML that a person would have written.

Defaults are left out.  What fits on a line is written on it, ``{id: a, as: a}``;
what does not becomes a block.  A step keeps its kind at the margin.
"""

from __future__ import annotations

import io
import json
import re

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from conformance.scenario.format import WORKER_EVENTS, Scenario, Worker, World
from conformance.scenario.yaml_tree import resolve

_ORDER = (
    *("scenario", "title", "format", "source", "api", "needs", "notes"),
    *("world", "worker", "script", "expect"),
)
_BLOCKS = (
    *("world", "resources", "worker", "on", "each", *WORKER_EVENTS, "script"),
    *("expect", "amended", "as-written"),
)
_WIDTH = 88

_PLAIN = re.compile(r"[A-Za-z/](?:[A-Za-z0-9 ._/=!?'()*;+-]|:(?=/))*(?<! )")
"""Text that is written without quotes; everything else gets them, since ruamel writes some text
plain that it cannot read (``:0`` inside braces)."""

_Node = None | bool | int | float | str | list["_Node"] | dict[str, "_Node"]


def dump(scenario: Scenario) -> str:
    """YAML text that ``loads`` reads back as an equal scenario."""
    fields: dict[str, _Node] = msgspec.to_builtins(scenario)
    if scenario.world == World():
        fields.pop("world", None)
    if scenario.worker == Worker():
        fields.pop("worker", None)
    elif scenario.worker.listen == Worker().listen:
        worker = fields["worker"]
        assert isinstance(worker, dict)
        worker.pop("listen", None)
    document = CommentedMap()
    for name in _ORDER:
        if name in fields:
            document[name] = _styled(fields[name], 2, len(name) + 2, block=name in _BLOCKS)
    yaml = YAML()
    yaml.version = (1, 2)
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.width = 10_000  # a folded flow would still be right, only less tidy
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue().removeprefix("%YAML 1.2\n---\n")


def _styled(node: _Node, indent: int, column: int, block: bool = False) -> object:
    """The node as ruamel writes it: flow where it fits, block elsewhere or where asked.

    ``indent``: where a block's lines would begin; ``column``: where its text begins in flow.
    """
    if isinstance(node, str):
        return _text(node)
    flow = not block and column + len(json.dumps(node, ensure_ascii=False)) <= _WIDTH
    if isinstance(node, dict):
        mapping = CommentedMap()
        for name, value in node.items():
            # What is inside a flow that fits, fits.
            place = (0, 0) if flow else (indent + 2, indent + len(name) + 2)
            mapping[_text(name)] = _styled(value, *place, block=not flow and name in _BLOCKS)
        (mapping.fa.set_flow_style if flow else mapping.fa.set_block_style)()
        return mapping
    if isinstance(node, list):
        sequence = CommentedSeq()
        for value in node:
            place = (0, 0) if flow else (indent + 2, indent + 2)
            step = isinstance(value, dict) and len(value) == 1
            sequence.append(_styled(value, *place, block=not flow and step))
        (sequence.fa.set_flow_style if flow else sequence.fa.set_block_style)()
        return sequence
    return node


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and resolve(text) == text
    return text if plain else DoubleQuotedScalarString(text)
