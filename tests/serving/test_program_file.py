import gc

import pytest
import torch
from served_networks import FEATURES, filled, with_everything, with_steps
from torch import nn
from torch.export.pt2_archive import PT2ArchiveReader

from smt.layers.initialize import initialize
from smt.serving import export_network
from smt.serving.program_file import _known, write_program

EXAMPLE = (torch.ones(3, 2),)
SHAPES = ({0: torch.export.Dim("batch")},)


def records(path):
    """Name -> content, of what is in a program's file."""
    with PT2ArchiveReader(str(path)) as reader:
        return {name: reader.read_bytes(name) for name in reader.get_file_names()}


@pytest.fixture
def traced(monkeypatch):
    """The modules that were traced, of a process that has traced none."""
    _known.cache_clear()
    modules = []
    export = torch.export.export

    def noted(module, *args, **kwargs):
        modules.append(module)
        return export(module, *args, **kwargs)

    monkeypatch.setattr(torch.export, "export", noted)
    return modules


@pytest.mark.parametrize(
    ("template", "programs"),
    [(with_everything("sparsenn"), 1), (with_steps("decoupled_sparsenn"), 4)],
)
def test_files_of_networks_that_are_alike_are_those_of_tracing_each(
    template, programs, small_log, small_model, tmp_path, traced
):
    """Whatever the events are called."""
    paths = []
    for seed, event in enumerate(("like", "click")):
        model = small_model.model_copy(update={"features": FEATURES, "events": (event,)})
        network = filled(template, model, small_log)
        initialize(network, seed)
        paths.append(tmp_path / event)
        export_network(network, template, paths[-1])
    assert len(traced) == programs
    _known.cache_clear()
    export_network(network, template, tmp_path / "alone")
    assert len(traced) == 2 * programs
    first, shared, alone = (
        {file.name: records(file) for file in sorted(path.glob("*.pt2"))}
        for path in (*paths, tmp_path / "alone")
    )
    assert shared == alone
    assert first != shared


def test_the_program_given_has_the_weights_of_its_file(tmp_path, traced):
    modules = [nn.Linear(2, 3), nn.Linear(2, 3)]
    given = [
        write_program(module, EXAMPLE, SHAPES, tmp_path / f"{number}.pt2")
        for number, module in enumerate(modules)
    ]
    assert len(traced) == 1
    inputs = torch.randn(5, 2)
    for number, module in enumerate(modules):
        loaded = torch.export.load(tmp_path / f"{number}.pt2").module()
        assert torch.equal(loaded(inputs), module(inputs))
        assert torch.equal(given[number](inputs), module(inputs))


class Scaled(nn.Module):
    """Holds a number, a constant that no state dict has, and what else it is given."""

    def __init__(self, by=2.0, constant=1.0, **held):
        super().__init__()
        self.by = by
        self.register_buffer("constant", torch.full((2,), constant), persistent=False)
        self.linear = nn.Linear(2, 2)
        self.__dict__ |= held

    def forward(self, inputs):
        return self.linear(inputs + self.constant) * self.by


@pytest.mark.parametrize(
    "other",
    [
        Scaled(by=3.0),
        Scaled(constant=3.0),
        Scaled(names={"of": ["another"]}),
        nn.Sequential(Scaled()),
        Scaled().double(),
        Scaled().requires_grad_(False),
    ],
)
def test_what_differs_in_more_than_its_weights_is_traced_itself(other, tmp_path, traced):
    for number, module in enumerate((Scaled(), other)):
        arguments = tuple(each.to(next(module.parameters()).dtype) for each in EXAMPLE)
        given = write_program(module, arguments, SHAPES, tmp_path / f"{number}.pt2")
        assert torch.equal(given(*arguments), module(*arguments))
    assert len(traced) == 2


def test_what_cannot_be_compared_is_always_traced(tmp_path, traced):
    """A function that holds values, an object of any class, a hook."""
    hooked = Scaled()
    hooked.register_forward_hook(lambda module, inputs, output: output + 1)
    by = 2.0
    for module in (Scaled(then=lambda: by), Scaled(then=object()), hooked):
        for _ in range(2):
            given = write_program(module, EXAMPLE, SHAPES, tmp_path / "program.pt2")
            assert torch.equal(given(*EXAMPLE), module(*EXAMPLE))
    assert len(traced) == 6


class Tied(nn.Module):
    """Two names of one weight."""

    def __init__(self, tied):
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)
        if tied:
            self.second.weight = self.first.weight

    def forward(self, inputs):
        return self.first(inputs) - self.second(inputs)


@pytest.mark.parametrize("order", [(True, True, False), (False, True, False)])
def test_weights_that_are_one_are_written_as_such(order, tmp_path, traced):
    for tied in order:
        module = Tied(tied)
        given = write_program(module, EXAMPLE, SHAPES, tmp_path / "program.pt2")
        loaded = torch.export.load(tmp_path / "program.pt2").module()
        for program in (given, loaded):
            assert torch.equal(program(*EXAMPLE), module(*EXAMPLE))


def test_a_file_that_does_not_hold_what_was_written_is_refused(tmp_path, traced, monkeypatch):
    path = tmp_path / "program.pt2"
    write_program(Scaled(), EXAMPLE, SHAPES, path)
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda self, content: None)
    with pytest.raises(ValueError, match="does not hold the program that was written"):
        write_program(Scaled(by=4.0), EXAMPLE, SHAPES, path)


@pytest.mark.parametrize("collects", [True, False])
def test_tracing_leaves_the_garbage_collector_as_it_was(collects, tmp_path, traced):
    collected = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        write_program(nn.Linear(2, 1).eval(), EXAMPLE, SHAPES, tmp_path / "linear.pt2")
        assert len(traced) == 1
        assert gc.isenabled() == collects
    finally:
        (gc.enable if collected else gc.disable)()
