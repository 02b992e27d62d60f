import keyword

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from smt.layers.named import NamedModules, module_key, name_of

ATTRIBUTES = sorted({*dir(nn.ModuleDict()), "weight", "bias", "T", "_parameters", ""})
NAMES = (
    st.sampled_from([*ATTRIBUTES, *keyword.kwlist, "~", "~type", "~~", "%2E", "user.age", "\ufb01"])
    | st.text()
    | st.text("~.%2Ea", max_size=6)
)


@given(NAMES)
def test_a_key_is_one_that_torch_takes_and_gives_the_name_back(name):
    key = module_key(name)
    nn.ModuleDict({key: nn.Identity()})
    assert name_of(key) == name
    assert key.isprintable()
    assert not keyword.iskeyword(key)


@given(NAMES, NAMES)
def test_two_names_have_two_keys(one, other):
    assert (module_key(one) == module_key(other)) == (one == other)


@pytest.mark.parametrize(
    "name", ["user", "cross__user__item", "user age", "a/b", "café", "日本", "x%", "_id"]
)
def test_an_ordinary_name_is_its_own_key(name):
    assert module_key(name) == name


@given(st.lists(NAMES, unique=True, max_size=8))
def test_modules_are_found_by_their_names_in_their_order(names):
    modules = {name: nn.Linear(1, 1) for name in names}
    named = NamedModules(modules)
    assert list(named) == list(named.keys()) == names
    assert dict(named.items()) == modules
    assert len(named) == len(names)
    assert all(name in named and named[name] is modules[name] for name in names)
    assert "no such name" not in named
    state = named.state_dict()
    assert [*state] == [
        f"{module_key(name)}.{part}" for name in names for part in ("weight", "bias")
    ]
    other = NamedModules({name: nn.Linear(1, 1) for name in names})
    other.load_state_dict(state)
    assert all(torch.equal(other[name].weight, modules[name].weight) for name in names)
    for name in names:
        assert named.pop(name) is modules[name]
    assert len(named) == 0
