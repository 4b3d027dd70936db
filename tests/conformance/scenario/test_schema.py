"""The JSON Schema of scenario files."""

from __future__ import annotations

import json

import jsonschema
import pytest

from conformance.scenario import schema
from conformance.scenario.find import find
from conformance.scenario.yaml_tree import read


def test_the_committed_schema_is_fresh() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.generate(), (
        "run python -m conformance.scenario.schema"
    )


def test_every_packaged_scenario_satisfies_it() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema.generate()))
    for path in find():
        validator.validate(read(path.read_text(encoding="utf-8")).value)


def test_it_refuses_a_misspelt_field() -> None:
    document = {"scenario": "x", "title": "x", "source": [], "script": [], "wrold": {}}
    with pytest.raises(jsonschema.ValidationError, match="wrold"):
        jsonschema.Draft202012Validator(json.loads(schema.generate())).validate(document)
