"""How a run's `result.json` is written, and read again."""

import json
from typing import Any, TypeVar

from smt.errors import InputError
from smt.spec import Spec
from smt.storage import Folder

RESULT = "result.json"


class Result(Spec):
    """Base of what a kind of run decided, with its numbers; no times, so equal runs are equal.

    A subclass fixes `kind` and `format` by Literals, with their only value as the default; raise
    the format whenever a key is added, dropped or means something else.
    """

    kind: str
    format: int


R = TypeVar("R", bound=Result)


def write_result(folder: Folder, result: Result) -> None:
    """Write `result.json`. Raises `StoppedError` where the folder does not take it."""
    text = json.dumps(result.to_dict(), indent=2, allow_nan=False)
    folder.write(RESULT, text.encode())


def read_result(folder: Folder, kind: type[R]) -> R:
    """Read the `result.json` of a finished run of this kind.

    Raises:
        InputError: There is none, it is damaged or of another kind of run, its format is not the
            one of this package, or a key is unknown or missing; file and key are named.
    """
    wanted = kind.model_fields["kind"].default
    if not folder.exists(RESULT):
        raise InputError(
            f"{folder.location}: holds no {RESULT}; the folder of a finished {wanted} is needed"
        )
    source = folder.path(RESULT)
    try:
        values = json.loads(folder.read(RESULT))
    except ValueError:
        raise InputError(f"{source}: is damaged; no JSON can be read from it") from None
    _require_kind(values, wanted, source)
    _require_format(values["format"], kind.model_fields["format"].default, source)
    result = kind.parse(values, source=source)
    _require_keys(values, result.to_dict(), source)
    return result


def holds(folder: Folder, kind: type[Result]) -> bool:
    """Whether a folder has the `result.json` of this kind of run, as far as it can be read."""
    try:
        values = json.loads(folder.read(RESULT)) if folder.exists(RESULT) else None
    except ValueError:
        return False
    return isinstance(values, dict) and values.get("kind") == kind.model_fields["kind"].default


def _require_kind(values: Any, wanted: str, source: str) -> None:
    if not isinstance(values, dict) or not {"kind", "format"} <= values.keys():
        raise InputError(
            f"{source}: has no 'kind' and 'format'; the {RESULT} of a {wanted}, by this version "
            "of the package, is needed"
        )
    if values["kind"] != wanted:
        raise InputError(f"{source}: 'kind' is '{values['kind']}'; that of a {wanted} is needed")


def _require_keys(values: Any, whole: Any, source: str, at: str = "") -> None:
    """Refuse what lacks a key that the whole has, though its spec has a default for it."""
    if isinstance(whole, list) and isinstance(values, list):
        whole, values = dict(enumerate(whole)), dict(enumerate(values))
    if not (isinstance(whole, dict) and isinstance(values, dict)):
        return
    for key, inner in whole.items():
        if key not in values:
            raise InputError(f"{source}: '{at}{key}' is missing; every key must be written")
        _require_keys(values[key], inner, source, f"{at}{key}.")


def _require_format(written: Any, known: int, source: str) -> None:
    if written == known:
        return
    if isinstance(written, int) and written > known:
        raise InputError(
            f"{source}: 'format' is {written}, and this version of the package reads {known}; "
            "it was written by a newer one, so update this one"
        )
    raise InputError(
        f"{source}: 'format' is {written}, and this version of the package reads {known}; run the "
        "command again to have it in this format"
    )
