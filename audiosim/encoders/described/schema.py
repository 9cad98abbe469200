"""What may stand in a description: `schema.json`, and the part of JSON Schema that it is written in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from operator import gt, le, lt
from typing import Any

from audiosim.encoders.described.toml_lines import Place

Schema = Mapping[str, Any]

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
CALLED = {
    "object": "a table",
    "array": "an array",
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
LIMITS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (lt, "less than"),
    "exclusiveMinimum": (le, "not more than"),
    "maximum": (gt, "more than"),
}


@dataclass(frozen=True)
class Fault:
    """What is wrong in a description, and where."""

    place: Place
    text: str


@cache
def schema() -> Schema:
    """Give the schema of descriptions, as `schema.json` has it."""
    read: Schema = json.loads((files(__package__) / "schema.json").read_text("utf-8"))
    return read


def faults(value: Any, rule: Schema | None = None, place: Place = ()) -> Iterator[Fault]:
    """Hold a value to a rule of the schema; by default a whole description to all of it.

    Yields
    ------
    Fault
        Each fault, in the order of the keys.
    """
    rule = _resolved(schema() if rule is None else rule)
    if "anyOf" in rule:
        if all(any(True for _ in faults(value, one, place)) for one in rule["anyOf"]):
            yield Fault(place, f"is {_shown(value)}, not {rule['title']}")
        return
    kind = rule.get("type")
    if kind is not None and not _is(value, kind):
        yield Fault(place, f"is {_shown(value)}, not {CALLED[kind]}")
        return
    yield from _choice_faults(value, rule, place)
    if kind == "object":
        yield from _table_faults(value, rule, place)
    elif kind == "array":
        if len(value) < rule.get("minItems", 0):
            yield Fault(place, "is empty")
        for number, item in enumerate(value):
            yield from faults(item, rule["items"], (*place, number))


def with_defaults(table: Mapping[str, Any], rule: Schema) -> dict[str, Any]:
    """Complete a valid table by what the schema has for the keys that are left out."""
    rules = _rules(rule)
    return {name: each["default"] for name, each in rules.items() if "default" in each} | dict(table)


def without_defaults(table: Mapping[str, Any], rule: Schema) -> dict[str, Any]:
    """Leave out what is as it would be if it were not said."""
    rules = _rules(rule)
    return {name: value for name, value in table.items() if value != rules[name].get("default")}


def _resolved(rule: Schema) -> Schema:
    found: Schema = schema()["$defs"][rule["$ref"].rpartition("/")[2]] if "$ref" in rule else rule
    return found


def _rules(rule: Schema) -> dict[str, Schema]:
    return {name: _resolved(each) for name, each in _resolved(rule)["properties"].items()}


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, KINDS[kind])


def _choice_faults(value: Any, rule: Schema, place: Place) -> Iterator[Fault]:
    allowed = [rule["const"]] if "const" in rule else rule.get("enum")
    if allowed is not None and value not in allowed:
        names = " or ".join(filter(None, (", ".join(map(_shown, allowed[:-1])), _shown(allowed[-1]))))
        yield Fault(place, f"is {_shown(value)}, not {names}")
    for name, (broken, called) in LIMITS.items():
        if name in rule and broken(value, rule[name]):
            yield Fault(place, f"is {_shown(value)}, {called} {rule[name]:g}")
    if "pattern" in rule and not re.search(rule["pattern"], value):
        yield Fault(place, f"is {_shown(value)}, not {rule['title']}")


def _table_faults(table: Mapping[str, Any], rule: Schema, place: Place) -> Iterator[Fault]:
    rules, others = rule.get("properties", {}), rule.get("additionalProperties", {})
    for name in rule.get("required", ()):
        if name not in table:
            yield Fault((*place, name), "is missing")
    if len(table) < rule.get("minProperties", 0):
        yield Fault(place, "is empty")
    for name, value in table.items():
        if name in rules:
            yield from faults(value, rules[name], (*place, name))
        elif others is False:
            near = get_close_matches(name, rules, 1)
            yield Fault((*place, name), "is no field" + (f": perhaps {near[0]}" if near else ""))
        else:
            yield from faults(value, others, (*place, name))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)  # a date
