"""Modules by the names that a log gives: any text, where torch takes few for a module's key."""

import keyword
import unicodedata
from collections.abc import ItemsView, Iterator, KeysView
from urllib.parse import quote, unquote

from torch import nn

# What opens a key that is not the name itself.
_QUOTED = "~"
# Of these, a module of the name would be found in place of the attribute, or the other way round.
_TAKEN = frozenset((*dir(nn.ModuleDict()), *dir(nn.ParameterDict()), *keyword.kwlist))


def module_key(name: str) -> str:
    """The key, of a module's or a table's, for a name: itself, where torch can work with it.

    Torch separates keys by dots, keeps its own attributes beside them, and writes those of an
    exported program into Python code. Two names never have one key.
    """
    if (
        name not in ("", *_TAKEN)
        and name[0] != _QUOTED
        and name.isprintable()
        and not set(name) & {".", '"', "\\"}
        # Python reads an identifier in this form.
        and unicodedata.normalize("NFKC", name) == name
    ):
        return name
    return _QUOTED + quote(name, safe="", errors="surrogatepass").replace(".", "%2E")


def name_of(key: str) -> str:
    """The name that has this `module_key`."""
    return unquote(key[1:], errors="surrogatepass") if key.startswith(_QUOTED) else key


class NamedModules(nn.ModuleDict):
    """A `ModuleDict` whose keys may be any texts; in the state they are `module_key`s."""

    def __getitem__(self, name: str) -> nn.Module:
        return super().__getitem__(module_key(name))

    def __setitem__(self, name: str, module: nn.Module) -> None:
        super().__setitem__(module_key(name), module)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(module_key(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(module_key(name))

    def __iter__(self) -> Iterator[str]:
        return map(name_of, super().__iter__())

    def keys(self) -> KeysView[str]:
        """The names, in their order."""
        return dict.fromkeys(self).keys()

    def items(self) -> ItemsView[str, nn.Module]:
        """Names and modules, in their order."""
        return dict(zip(self, self.values(), strict=True)).items()
