"""One network's training steps as a function without arguments: ours, and others' of equal size.

Twenty ids and thirteen numbers an example; every table has as many rows. Each contestant has
its batches ready, so that steps alone are timed.
"""

from dataclasses import dataclass
from itertools import count, cycle

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig, KeyedJaggedTensor
from torchrec.models.dlrm import DLRM, DLRM_DCN, InteractionArch
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim import RowWiseAdagrad
from training_libraries import library_steps
from training_steps import CROSS_LAYERS, CROSS_RANK, Step, training_step

from smt.data import Batch, Schema
from smt.data.columns import Event, Id, Numeric, Timestamp
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.layers.initialize import initialize
from smt.template import Template, build, find_template
from smt.template.architecture import PlainMLP
from smt.training.learner import Learner
from smt.training.workers import LOCAL

IDS = 20
NUMBERS = 13
BATCHES = 8
ZIPF = 1.1
# Dense gradients, and Adam's moments, of twenty larger tables are gigabytes: no peer to fear.
MOST_DENSE_ROWS = 100_000


@dataclass(frozen=True)
class Size:
    """What is trained on.

    Attributes:
        rows: Of every table.
        batch: Examples a step.
        ids: "uniform" or "zipf".
    """

    rows: int
    batch: int
    ids: str


def contestants(name: str, size: Size) -> dict[str, Step]:
    """Ours first, then the peers, then the dense part alone."""
    template, batches = find_template(name), make_batches(size)
    kinds = ("fused", "dense") if size.rows <= MOST_DENSE_ROWS else ("fused",)
    return {
        "ours": ours(template, size, batches),
        **{
            f"{model.__name__}_{kind}": peer(model, kind, template, size, batches)
            for model in (DLRM, DLRM_DCN)
            for kind in kinds
        },
        **(libraries(template, size, batches) if "dense" in kinds else {}),
        "dense_part": dense_part(template, size, batches),
    }


def make_batches(size: Size) -> list[Batch]:
    """Examples of random ids, numbers and labels."""
    generator = torch.Generator().manual_seed(0)
    ranks = torch.arange(1, size.rows + 1, dtype=torch.float64)
    odds = ranks.pow(-ZIPF) if size.ids == "zipf" else torch.ones_like(ranks)
    shares = odds.cumsum(0) / odds.sum()
    batches = []
    for _ in range(BATCHES):
        drawn = torch.rand(IDS * size.batch, dtype=torch.float64, generator=generator)
        batches.append(
            Batch(
                numeric=torch.randn(size.batch, NUMBERS, generator=generator),
                ids=KeyedJaggedTensor(
                    keys=[f"id{place}" for place in range(IDS)],
                    values=torch.searchsorted(shares, drawn).clamp(max=size.rows - 1),
                    lengths=torch.ones(IDS * size.batch, dtype=torch.int32),
                ),
                id_lists={},
                embeddings={},
                labels=torch.randint(2, (size.batch, 1), generator=generator).float(),
                weights=torch.ones(size.batch),
            )
        )
    return batches


def ours(template: Template, size: Size, batches: list[Batch]) -> Step:
    """The template's network, as training takes its steps."""
    sides = ("user", "item")
    schema = Schema(
        columns={
            "time": Timestamp(),
            "click": Event(),
            **{f"x{n}": Numeric(side=sides[n % 2]) for n in range(NUMBERS)},
            **{f"id{n}": Id(num_ids=size.rows, side=sides[n % 2]) for n in range(IDS)},
        }
    )
    model = ModelSpec(
        name="click",
        stage="ranking",
        events=("click",),
        surface="all",
        data_constraint="full",
        log="made",
        features=schema.features,
    )
    network = build(template, model, schema)
    initialize(network, 0)
    if network.fits:
        network.fit(batches[0])
    learner = Learner(network, template, 1_000_000, LOCAL)
    examples = cycle([(batch, batch.labels, torch.ones_like(batch.labels)) for batch in batches])
    steps = count()
    return lambda: learner.step(next(steps), *next(examples))


def peer(
    model: type[DLRM], kind: str, template: Template, size: Size, batches: list[Batch]
) -> Step:
    """Torchrec's model with the template's widths; its tables fused, or Adam's with the rest."""
    torch.manual_seed(0)
    dim = template.architecture.embedding_dim
    configs = [
        EmbeddingBagConfig(
            name=name, embedding_dim=dim, num_embeddings=size.rows, feature_names=[name]
        )
        for name in (f"id{place}" for place in range(IDS))
    ]
    tables = (
        FusedEmbeddingBagCollection(configs, RowWiseAdagrad, {"lr": template.training.table_rate})
        if kind == "fused"
        else EmbeddingBagCollection(tables=configs)
    )
    cross = (CROSS_LAYERS, CROSS_RANK) if model is DLRM_DCN else ()
    network = model(tables, NUMBERS, *_widths(template), *cross).train()
    # Fused tables have no gradient: Adam leaves them out.
    adam = torch.optim.Adam(network.parameters(), lr=template.training.dense_rate, fused=True)
    return training_step(
        lambda batch: _loss(network(batch.numeric, batch.ids), batch), adam, batches
    )


def libraries(template: Template, size: Size, batches: list[Batch]) -> dict[str, Step]:
    """Other libraries' cross networks with the template's widths."""
    _, widths = _widths(template)
    dim, rate = template.architecture.embedding_dim, template.training.dense_rate
    return library_steps(batches, size.rows, dim, widths[:-1], rate)


def dense_part(template: Template, size: Size, batches: list[Batch]) -> Step:
    """DLRM's two MLPs and dot products; what tables would give is there already."""
    torch.manual_seed(0)
    dim = template.architecture.embedding_dim
    bottom, over = (_mlp(inputs, widths) for inputs, widths in _dense_sizes(template))
    dot = InteractionArch(IDS)
    embedded = torch.randn(size.batch, IDS, dim, requires_grad=True)

    def forward(batch: Batch) -> Tensor:
        embedded.grad = None
        logits: Tensor = over(dot(bottom(batch.numeric), embedded))
        return logits

    parameters = [*bottom.parameters(), *over.parameters()]
    adam = torch.optim.Adam(parameters, lr=template.training.dense_rate, fused=True)
    return training_step(lambda batch: _loss(forward(batch), batch), adam, batches)


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    return binary_cross_entropy_with_logits(logits, batch.labels)


def _widths(template: Template) -> tuple[list[int], list[int]]:
    """Of DLRM's layers below and above the interaction."""
    architecture = template.architecture
    if not isinstance(architecture.mlp, PlainMLP):
        raise InputError(f"{template.name}: no peer has an MLP of kind '{architecture.mlp.kind}'")
    below = [architecture.numeric_hidden, architecture.embedding_dim]
    return below, [*architecture.mlp.widths, 1]


def _dense_sizes(template: Template) -> list[tuple[int, list[int]]]:
    below, above = _widths(template)
    pairs = (IDS + 1) * IDS // 2
    return [(NUMBERS, below), (template.architecture.embedding_dim + pairs, above)]


def _mlp(inputs: int, widths: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    # The last layer of those above gives logits.
    return nn.Sequential(*(layers[:-1] if widths[-1] == 1 else layers))
