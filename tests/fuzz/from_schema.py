"""Hypothesis strategies out of the JSON Schemas of the contract."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def from_schema(schema: dict[str, Any], root: dict[str, Any] | None = None) -> SearchStrategy[Any]:
    """Documents that keep the schema. Raises ValueError for what this contract's schemas do not use."""
    root = schema if root is None else root
    if "$ref" in schema:
        return from_schema(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of(*(from_schema(one, root) for one in schema["anyOf"]))
    match schema.get("type"):
        case None:
            return ANYTHING
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**53 - 1))
        case "number":
            return _numbers(schema)
        case "string":
            return _texts(schema)
        case "array":
            return st.lists(from_schema(schema.get("items", {}), root), max_size=4)
        case "object":
            return _objects(schema, root)
    raise ValueError(f"no strategy for {schema}")


def _numbers(schema: dict[str, Any]) -> SearchStrategy[Any]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1e9))
    return st.floats(low, schema.get("maximum", 1e10), exclude_min="exclusiveMinimum" in schema, allow_subnormal=False)


def _texts(schema: dict[str, Any]) -> SearchStrategy[Any]:
    if schema.get("format") == "uuid":
        return st.uuids().map(str)
    if "pattern" not in schema:
        return st.text(
            st.characters(exclude_categories=["Cs"]),
            min_size=schema.get("minLength", 0),
            max_size=min(schema.get("maxLength", 20), 40),
        )
    # A dollar sign matches before a line's end too, in Python.
    pattern = schema["pattern"].removesuffix("$")
    if pattern.endswith("+") and ("maxLength" in schema or "minLength" in schema):
        least = schema.get("minLength", 1)
        pattern = f"{pattern.removesuffix('+')}{{{least},{max(least, min(schema.get('maxLength', 140), 140))}}}"
    return st.from_regex(pattern + r"\Z", fullmatch=True)


def _objects(schema: dict[str, Any], root: dict[str, Any]) -> SearchStrategy[Any]:
    properties = {name: from_schema(inner, root) for name, inner in schema.get("properties", {}).items()}
    needed = schema.get("required", ())
    fixed = st.fixed_dictionaries(
        {name: inner for name, inner in properties.items() if name in needed},
        optional={name: inner for name, inner in properties.items() if name not in needed},
    )
    more = schema.get("additionalProperties")
    if properties or more in (None, False):
        return fixed
    names = from_schema(schema.get("propertyNames", {"type": "string"}), root)
    return st.dictionaries(names, from_schema({} if more is True else more, root), max_size=3)
