"""Specs are data: frozen pydantic models that round-trip through YAML and JSON."""

import difflib
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Self, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smt.errors import InputError
from smt.yaml_text import format_yaml, parse_yaml

# What YAML reads in place of a text that is not quoted, in its own words.
_YAML_KINDS = {bool: "true or false", type(None): "null"}
# Place of the kind of a list's or a mapping's entries among its arguments.
_ENTRIES: dict[Any, int] = {tuple: 0, list: 0, dict: 1}

LEFT_OUT_IF_NONE: Any = Field(default=None, exclude_if=lambda value: value is None)
"""Default of a field that plain data has only where it says something."""

UnitInterval = Annotated[float, Field(ge=0, le=1)]


class Spec(BaseModel):
    """Base of every spec: immutable, refuses unknown keys, has a content hash."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, values: object, *, source: str) -> Self:
        """Validate plain data; `source` (a file or an option) opens every error message.

        Raises:
            InputError: A key is unknown or a value impossible.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(f"{source}: {_explain(error, cls)}") from None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a spec from a YAML file. Raises `InputError`, naming the file and the key."""
        return cls.parse(read_yaml(path), source=str(path))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `parse` turns back into an equal spec."""
        return self.model_dump(mode="json")

    def dump(self, path: str | Path) -> None:
        """Write the spec as YAML."""
        Path(path).write_text(format_yaml(self.to_dict()), encoding="utf-8")

    def digest(self) -> str:
        """Hex digest of the content: equal for equal specs, in any process."""
        return digest(self.to_dict())


def digest(content: object) -> str:
    """First 16 hex digits of the SHA-256 of JSON-able content, keys sorted."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_yaml(path: str | Path) -> Any:
    """Parse a YAML file safely. Raises `InputError` where it is missing or malformed."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return decode_yaml(path.read_bytes(), source=str(path))


def decode_yaml(content: bytes, *, source: str) -> Any:
    """Parse what a YAML file holds. Raises `InputError`, naming the source, if it is malformed."""
    try:
        # What some editors on Windows write in front is no part of the text.
        return parse_yaml(content.decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None


def suggest(name: str, known: list[str]) -> str:
    """A tail for an error message: the closest known name, or all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known) or 'none'}"


def _explain(error: ValidationError, cls: type[BaseModel]) -> str:
    """Put a pydantic error into one sentence: the key, then what would be right."""
    # Where a value may be of several kinds, the deepest complaint is about the kind it is.
    first = max(error.errors(), key=lambda complaint: len(complaint["loc"]))
    path = [str(part) for part in first["loc"]]
    key = ".".join(path) or cls.__name__
    if first["type"] == "extra_forbidden":
        fields = _fields_at(cls, first["loc"][:-1])
        tail = f"; {suggest(str(first['loc'][-1]), fields)}" if fields else ""
        return f"unknown key '{key}'{tail}"
    if first["type"] == "string_type" and not isinstance(first["input"], list | dict):
        what = f"'{'.'.join(path[:-1])}'" if path[-1:] == ["[key]"] else f"'{key}'"
        kind = _YAML_KINDS.get(type(first["input"]), "a number")
        return f"{what} should be text, and what is not quoted there is {kind}; put it in quotes"
    if first["type"] == "invalid_key":
        where = ".".join(path[:-1]) or cls.__name__
        tail = "; a comma begins a new key, so write 1,000 as 1000" if path[-1].isdigit() else ""
        return f"'{where}': keys should be text, and {path[-1]} is none{tail}"
    if first["type"] == "tuple_type":
        return f"'{key}' should be a list, as in [a, b]"
    message = first["msg"].removeprefix("Value error, ")
    return f"'{key}': {message[0].lower() + message[1:]}"


def _fields_at(cls: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Field names of the model at `loc`, as far as nesting, lists and mappings lead to one."""
    model: Any = cls
    for part in loc:
        fields = getattr(model, "model_fields", None)
        if fields is not None and part in fields:
            model = fields[str(part)].annotation
        elif get_origin(model) in _ENTRIES:
            model = get_args(model)[_ENTRIES[get_origin(model)]]
        else:
            return []
    return list(getattr(model, "model_fields", {}))
