"""From a YAML tree to a ``Scenario``: the right fields with the right types.

msgspec does the conversion and stops at the first fault.  Its message says where
the fault is, except that a key of a mapping is only ``[...]``: then the fault is
looked for by converting again with one key at a time.  What was expected is read
from the types themselves, so that a new field needs no new message.
"""

from __future__ import annotations

import difflib
import re
from functools import cache

import msgspec
from msgspec import inspect

from conformance.scenario.format import Scenario
from conformance.scenario.yaml_tree import Path, Value, Wrong

_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<path>\$[^`]*)`)?", re.DOTALL)
_TOKEN = re.compile(r"\.(?P<field>\w+)|\[(?P<index>\d+)\]|\[(?P<any>\.\.\.)\]")
_MISMATCH = re.compile(r"Expected `(?P<expected>.*)`, got `(?P<got>.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
_NOT_ONE_OF = re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL)

_GOT = {
    "str": "a string",
    "int": "an integer",
    "float": "a number with a fraction",
    "bool": "a truth value",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}


def convert(value: Value) -> Scenario:
    """The scenario that a document spells.  Raises Wrong."""
    try:
        return msgspec.convert(value, Scenario)
    except msgspec.ValidationError as error:
        raise _explain(value, str(error)) from error


def _explain(value: Value, message: str) -> Wrong:
    match = _MESSAGE.fullmatch(message)
    assert match is not None
    path = _locate(value, match["path"] or "$", message)
    what = match["what"]
    kind = _type_at(path)
    name = _name(path)
    if unknown := _UNKNOWN.fullmatch(what):
        field = unknown["field"]
        return Wrong((*path, field), f"unknown field '{field}'", _field_like(field, kind), key=True)
    if missing := _MISSING.fullmatch(what):
        field = missing["field"]
        return Wrong(path, f"{name} has no field '{field}'", _describe(_type_at((*path, field))))
    if bad := _NOT_ONE_OF.fullmatch(what):
        return Wrong(path, f"{name} is {bad['value']}", _describe(kind))
    if mismatch := _MISMATCH.fullmatch(what):
        return Wrong(
            path, f"{name} is {_GOT.get(mismatch['got'], mismatch['got'])}", _describe(kind)
        )
    return Wrong(path, what, _describe(kind))


def _name(path: Path) -> str:
    for at, part in enumerate(reversed(path)):
        if isinstance(part, str):
            return part + "".join(f"[{index}]" for index in path[len(path) - at :])
    return "the document"


def _locate(document: Value, spelled: str, message: str) -> Path:
    path: Path = ()
    for token in _TOKEN.finditer(spelled):
        if token["field"] is not None:
            path = (*path, token["field"])
        elif token["index"] is not None:
            path = (*path, int(token["index"]))
        else:
            mapping = _at(document, path)
            assert isinstance(mapping, dict)
            key, document = _culprit(document, path, mapping, message)
            path = (*path, key)
    return path


def _culprit(
    document: Value, path: Path, mapping: dict[str, Value], message: str
) -> tuple[str, Value]:
    """The first key that gives the same message when it is alone, and that smaller document."""
    for key, item in mapping.items():
        smaller = _with(document, path, {key: item})
        try:
            msgspec.convert(smaller, Scenario)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return key, smaller
    raise AssertionError(f"no key explains {message!r}")


def _at(value: Value, path: Path) -> Value:
    for part in path:
        if isinstance(part, int):
            assert isinstance(value, list)
            value = value[part]
        else:
            assert isinstance(value, dict)
            value = value[part]
    return value


def _with(value: Value, path: Path, new: Value) -> Value:
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        assert isinstance(value, list)
        return [*value[:first], _with(value[first], rest, new), *value[first + 1 :]]
    assert isinstance(value, dict)
    return {**value, first: _with(value[first], rest, new)}


@cache
def _root() -> inspect.Type:
    return inspect.type_info(Scenario)


def _type_at(path: Path) -> inspect.Type:
    kind = _root()
    for part in path:
        kind = _inner(kind, part)
    return kind


def _inner(kind: inspect.Type, part: str | int) -> inspect.Type:
    for option in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if isinstance(option, inspect.ListType) and isinstance(part, int):
            return option.item_type
        if isinstance(option, inspect.DictType) and isinstance(part, str):
            return option.value_type
        if isinstance(option, inspect.StructType):
            for field in option.fields:
                if field.encode_name == part:
                    return field.type
    return inspect.AnyType()


def _field_like(field: str, kind: inspect.Type) -> str:
    names = [
        known.encode_name
        for option in (kind.types if isinstance(kind, inspect.UnionType) else (kind,))
        if isinstance(option, inspect.StructType)
        for known in option.fields
    ]
    close = difflib.get_close_matches(field, names, 1)
    return f"'{close[0]}'" if close else "one of " + ", ".join(names)


def _describe(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType(types=types):
            return " or ".join(
                dict.fromkeys(_describe(t) for t in types if not isinstance(t, inspect.NoneType))
            )
        case inspect.LiteralType(values=(single,)):
            return str(single)
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(str(value) or '""' for value in values)
        case inspect.StructType(fields=fields):
            required = [field.encode_name for field in fields if field.required]
            return "a mapping" + (f" with {', '.join(required)}" if required else "")
    return _PLAIN.get(type(kind), "something else")


_PLAIN: dict[type[inspect.Type], str] = {
    inspect.IntType: "an integer",
    inspect.FloatType: "a number",
    inspect.StrType: "a string",
    inspect.BoolType: "true or false",
    inspect.ListType: "a list",
    inspect.DictType: "a mapping",
}
