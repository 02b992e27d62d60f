"""YAML as people mean it: read by the rules of YAML 1.2, and written to read back as itself.

PyYAML knows YAML 1.1, in which `1e-3` is a text, `NO` and `on` are booleans, `12:30:00` is a
number, `017` is 15 and `2024-01-01` is a date.
"""

import re
from collections import Counter
from typing import Any

import yaml

# libyaml's parser where PyYAML has it: a fleet of 10,000 models takes seconds less.
_PARSER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

_TAG = "tag:yaml.org,2002:"
# The core schema of YAML 1.2.2 (10.3.2), with digits grouped as in 500_000.
_DIGITS = "[0-9]+(?:_[0-9]+)*"
_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": rf"[-+]?{_DIGITS}|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": rf"[-+]?(?:\.[0-9]+|{_DIGITS}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "merge": "<<",
}
_FIRST = {"null": ["~", "n", "N", ""], "bool": [*"tTfF"], "merge": ["<"]}
_FIRST |= {kind: [*"-+.0123456789"] for kind in ("int", "float")}
# Line breaks, which only escapes keep apart and in one line.
_BREAKS = re.compile("[\n\x85\u2028\u2029]")


class _Loader(_PARSER):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        written = Counter((key.tag, key.value) for key, _ in node.value if _is_scalar(key))
        if len(written) < len(node.value):
            for key, _ in reversed(node.value):
                if _is_scalar(key) and written[key.tag, key.value] > 1:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key '{key.value}' is there twice", key.start_mark
                    )
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or 1.2 would not read as the text that it is."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class OneLine(dict[str, Any]):
    """A mapping that is written in one line, as in `{name: a, weight: 3}`."""


def parse_yaml(text: str) -> Any:
    """The only document in a text, as plain data.

    Raises:
        yaml.YAMLError: It is malformed, has a key twice, or asks for other than plain data.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def format_yaml(content: object, *, width: float = 80) -> str:
    """Plain data as YAML, keys in their order, that `parse_yaml` reads back as the same.

    Args:
        width: Of a line that holds several values or words.
    """
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
    return text


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _int(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    based = text.startswith(("0o", "0x"))
    return int(text, base=0) if based else int(text)


def _float(loader: Any, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).lower()
    return float(re.sub(r"\.(?=inf$|nan$)", "", text))


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _BREAKS.search(text) else None
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


def _one_line(dumper: yaml.SafeDumper, mapping: OneLine) -> yaml.MappingNode:
    return dumper.represent_mapping(f"{_TAG}map", mapping.items(), flow_style=True)


for _kind, _pattern in _SCALARS.items():
    _compiled = re.compile(f"^(?:{_pattern})\\Z")
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"{_TAG}{_kind}", _compiled, _FIRST[_kind])
_Loader.add_constructor(f"{_TAG}int", _int)
_Loader.add_constructor(f"{_TAG}float", _float)
_Dumper.add_representer(str, _text)
_Dumper.add_representer(OneLine, _one_line)
