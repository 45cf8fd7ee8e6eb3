"""The smallest JSON that a schema accepts, with every field we know something about filled in.

Covers what structured answers use: objects, arrays, enums, consts, numbers, strings, ``$ref``,
``anyOf``/``oneOf``/``allOf``, nullable types. Patterns are not solved.
"""

from __future__ import annotations

from pydantic import JsonValue

from ..wire.fields import JsonObject

_SAME = {
    "visible_text": "lines", "texts": "lines", "words": "lines", "strings": "lines",
    "transcription": "text", "transcript": "text", "content": "text", "reading": "text",
    "headline": "title", "summary": "description", "caption": "description", "answer": "description",
    "legible": "readable", "verdict": "status", "result": "status", "note": "notes",
    "crops": "parts", "areas": "parts", "readings": "parts", "pictures": "parts", "images": "parts",
    "sections": "parts", "chars": "characters", "letters": "characters", "uncertain": "unsure",
    "explanation": "notes", "reason": "notes", "comment": "notes", "colors": "palette",
}  # fmt: skip
_DEPTH = 24


def fill(schema: JsonObject, facts: JsonObject) -> JsonValue:
    """A value for the whole schema; ``facts`` are looked up by property name."""
    return _Filler(schema, facts).value(schema, None, 0)


class _Filler:
    def __init__(self, root: JsonObject, facts: JsonObject) -> None:
        self._root = root
        self._facts = facts

    def value(self, schema: JsonValue, fact: JsonValue, depth: int) -> JsonValue:
        """``fact`` is what is known for this place, ``None`` when nothing is."""
        if not isinstance(schema, dict) or depth > _DEPTH:
            return None
        schema = self._settled(schema)
        if "const" in schema:
            return schema["const"]
        options = schema.get("enum")
        if isinstance(options, list) and options:
            return fact if fact in options else options[0]
        for key in ("anyOf", "oneOf"):
            if isinstance(branches := schema.get(key), list) and branches:
                return self.value(_best(branches, fact), fact, depth + 1)
        return self._typed(schema, fact, depth)

    def _settled(self, schema: JsonObject) -> JsonObject:
        """The schema with its reference followed and its ``allOf`` merged, one level."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target: JsonValue = self._root
            for step in reference.removeprefix("#").strip("/").split("/"):
                target = target.get(step) if step and isinstance(target, dict) else target
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**(target if isinstance(target, dict) else {}), **rest}
        parts = schema.get("allOf")
        if isinstance(parts, list):
            for part in parts:
                schema = {**schema, **(self._settled(part) if isinstance(part, dict) else {})}
        return schema

    def _typed(self, schema: JsonObject, fact: JsonValue, depth: int) -> JsonValue:
        match _type(schema, fact):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, fact, depth)
            case "boolean":
                return fact if isinstance(fact, bool) else False
            case "integer" | "number":
                return _number(schema, fact)
            case "string":
                return _string(schema, fact)
            case _:
                return None

    def _object(self, schema: JsonObject, depth: int) -> JsonValue:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        wanted = required if isinstance(required, list) else []
        filled: JsonObject = {}
        for name, inner in properties.items():
            fact = self._facts.get(_SAME.get(name, name))
            if name in wanted or fact is not None:
                filled[name] = self.value(inner, fact, depth + 1)
        return filled

    def _array(self, schema: JsonObject, fact: JsonValue, depth: int) -> JsonValue:
        items = schema.get("items", {"type": "string"})
        known = fact if isinstance(fact, list) else []
        least, most = schema.get("minItems"), schema.get("maxItems")
        filled = [self._entry(items, value, depth) for value in known]
        while isinstance(least, int) and len(filled) < min(least, 100):
            filled.append(self.value(items, None, depth + 1))
        return filled[:most] if isinstance(most, int) else filled

    def _entry(self, items: JsonValue, value: JsonValue, depth: int) -> JsonValue:
        """A line as itself, or as the text of an object that holds one."""
        if isinstance(value, dict):
            return _Filler(self._root, {**self._facts, "parts": None, **value}).value(
                items, None, 0
            )
        inner = _Filler(self._root, {**self._facts, "text": value, "line": value, "lines": None})
        return inner.value(items, value, depth + 1)


def _best(branches: list[JsonValue], fact: JsonValue) -> JsonValue:
    """Null where nothing is known, else the first branch that is not null."""
    null = [b for b in branches if isinstance(b, dict) and b.get("type") == "null"]
    others = [b for b in branches if b not in null]
    return (null if null and fact is None else others or null)[0]


def _type(schema: JsonObject, fact: JsonValue) -> JsonValue:
    kind = schema.get("type")
    if isinstance(kind, list):
        others = [k for k in kind if k != "null"]
        return "null" if "null" in kind and fact is None else next(iter(others), "null")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return kind


def _number(schema: JsonObject, fact: JsonValue) -> JsonValue:
    if isinstance(fact, int | float) and not isinstance(fact, bool):
        return fact
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, int | float) and low > 0:
        return low
    return high if isinstance(high, int | float) and high < 0 else 0


def _string(schema: JsonObject, fact: JsonValue) -> str:
    text = (
        fact
        if isinstance(fact, str)
        else ", ".join(map(str, fact))
        if isinstance(fact, list)
        else ""
    )
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int):
        text = text.ljust(min(least, 1000), "-")
    return text[:most] if isinstance(most, int) else text
