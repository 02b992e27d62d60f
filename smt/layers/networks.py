"""The two paradigms (Table 1): one tower, or two that meet only at the end."""

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn

from smt.data import Batch, Schema
from smt.layers.event_losses import EventLosses, losses_of
from smt.layers.examples import Examples
from smt.layers.heads import EntireSpace, EventLogits, TowerLogits
from smt.layers.interactions.stack import Stack
from smt.layers.moments import Moments
from smt.layers.numeric import Standardise
from smt.layers.past_rates import PastRatesToken
from smt.layers.representation import Representation


class Tower(nn.Module):
    """From features to what each event reads: representation, interactions, MLP, tasks."""

    def __init__(
        self, representation: Representation, interactions: Stack, over: nn.Module, tasks: nn.Module
    ) -> None:
        super().__init__()
        self.representation = representation
        self.interactions = interactions
        self.over = over
        self.tasks = tasks
        self.out_features = cast(int, tasks.out_features)

    def forward(self, examples: Examples) -> Tensor:
        """`[B, E, H]`: for each of E events, its hidden layer."""
        tokens, sequences = self.representation(examples)
        hidden: Tensor = self.tasks(self.over(self.interactions(tokens, sequences).flatten(1)))
        return hidden


class AuxiliaryTargets(nn.Module):
    """Numeric features as labels: standardised, and predicted from the hidden layer.

    Args:
        missing_is_zero: As in older versions, a missing value counts as 0 in means and variances.
    """

    def __init__(
        self, columns: list[int], in_features: int, *, missing_is_zero: bool = False
    ) -> None:
        super().__init__()
        self.columns = columns
        self.missing_is_zero = missing_is_zero
        standardise = Standardise if missing_is_zero else Moments
        self.normalise: nn.Module = standardise(len(columns))
        self.predict = nn.Linear(in_features, len(columns))

    def errors(self, hidden: Tensor, examples: Examples) -> Tensor:
        """`[B]` mean squared error of `[B, H]`'s predictions; zero where a target is missing."""
        values = examples.numeric[:, self.columns]
        missing = values.isnan()
        known = values.masked_fill(missing, 0.0) if self.missing_is_zero else values
        targets = self.normalise(known)
        errors: Tensor = (self.predict(hidden) - targets).square()
        return errors.masked_fill(missing, 0.0).mean(dim=1)


class Network(nn.Module, ABC):
    """What both paradigms are: B examples to E logits, and what to feed them.

    What is called the logit of a value event is the log of its mean; see `smt.layers.losses`.

    Attributes:
        schema: Of the log that it reads.
        features: What to read of a log, in the order in which batches hold it.
        events: What the E logits predict.
        auxiliary: Further events, predicted in training mode only, after the E.
        reads_steps: Whether sequences' events and times, and the time of the impression,
            must be read.
        logits: Makes the logits, before they are chained.
    """

    logits: EventLogits | TowerLogits

    def __init__(
        self,
        *,
        schema: Schema,
        features: tuple[str, ...],
        events: tuple[str, ...],
        auxiliary: tuple[str, ...],
        reads_steps: bool,
        chain: EntireSpace | None,
        targets: AuxiliaryTargets | None,
    ) -> None:
        super().__init__()
        self.schema = schema
        self.features = features
        self.events = events
        self.auxiliary = auxiliary
        self.reads_steps = reads_steps
        self.chain = chain
        self.targets = targets

    @property
    def labels(self) -> tuple[str, ...]:
        """The events whose labels training reads."""
        return (*self.events, *self.auxiliary)

    @property
    def losses(self) -> EventLosses:
        """Of its labels."""
        return losses_of(self.schema, self.labels)

    def scores(self, logits: Tensor) -> Tensor:
        """`[B, E]` probabilities of binary events and means of values, from their logits."""
        return self.losses.first(len(self.events)).scores(logits)

    def forward(self, batch: Batch) -> Tensor:
        """`[B, E]` logits; in training mode `[B, E + A]`, and a last column of squared errors
        where numeric features are labels.
        """
        examples = Examples.of(batch, training=self.training)
        if not self.training:
            return self.predict(examples)
        logits, hidden = self.compute(examples)
        if self.targets is None:
            return logits
        errors = self.targets.errors(hidden, examples)
        return torch.cat([logits, errors.unsqueeze(1)], dim=1)

    def predict(self, examples: Examples) -> Tensor:
        """`[B, E]` logits of the model's events."""
        return self.compute(examples)[0][:, : len(self.events)]

    def compute(self, examples: Examples) -> tuple[Tensor, Tensor]:
        """`[B, E + A]` chained logits, and the `[B, H]` hidden layer that auxiliaries read."""
        logits, hidden = self.meet(examples)
        return (logits if self.chain is None else self.chain(logits)), hidden

    @abstractmethod
    def meet(self, examples: Examples) -> tuple[Tensor, Tensor]:
        """`[B, E + A]` logits before they are chained, and the hidden layer."""

    def start_at(self, rates: dict[str, float], correction: float = 0.0) -> None:
        """Let the first predictions be the base rates: rare events need no steps to get there.

        Args:
            rates: event -> its rate, or its mean value.
            correction: What will be added to the logits later.
        """
        own = []
        for place, event in enumerate(self.labels):
            parent = None if self.chain is None else self.chain.parents[place]
            given = 1.0 if parent is None else rates[self.labels[parent]]
            own.append(rates[event] / given if given else 0.0)
        means = torch.tensor(own, dtype=torch.float64)
        with torch.no_grad():
            self.bias.copy_(self.losses.start(means) - correction)

    @property
    def bias(self) -> Tensor:
        """`[E + A]` what is added to the logits."""
        return self.logits.bias

    def start_pass(self) -> None:
        """Forget the labels of the training rows, which will be read from their start."""
        for module in self.modules():
            if isinstance(module, PastRatesToken):
                module.forget()

    @property
    def fits(self) -> bool:
        """Whether anything depends on the distribution of numeric features."""
        return any(module.fits for module in self.modules() if isinstance(module, Representation))

    def fit(self, batch: Batch) -> None:
        """Set what depends on the distribution of numeric features, from a sample."""
        examples = Examples.of(batch, training=False)
        for module in self.modules():
            if isinstance(module, Representation):
                module.fit(examples)


class SparseNN(Network):
    """One tower over all features, for final ranking."""

    logits: EventLogits

    def __init__(self, tower: Tower, logits: EventLogits, **reads: object) -> None:
        super().__init__(**reads)  # type: ignore[arg-type]
        self.tower = tower
        self.logits = logits

    def meet(self, examples: Examples) -> tuple[Tensor, Tensor]:
        """`[B, E + A]` logits before they are chained, and the hidden layer of the first event."""
        hidden = self.tower(examples)
        return self.logits(hidden), hidden[:, 0]


class DecoupledSparseNN(Network):
    """A tower of user and context, a tower of the item; they meet in a dot product.

    The item's vectors depend on nothing of the user, so they can be computed ahead for a
    whole corpus and indexed.
    """

    logits: TowerLogits

    def __init__(
        self,
        user: Tower,
        item: Tower,
        user_vectors: nn.ModuleList,
        item_vectors: nn.ModuleList,
        logits: TowerLogits,
        **reads: object,
    ) -> None:
        super().__init__(**reads)  # type: ignore[arg-type]
        self.user = user
        self.item = item
        self.user_projections = user_vectors
        self.item_projections = item_vectors
        self.logits = logits

    def user_vectors(self, examples: Examples) -> Tensor:
        """`[B, E + A, V]`: the user and context, as each event sees them."""
        return project(self.user(examples), self.user_projections)

    def item_vectors(self, examples: Examples) -> Tensor:
        """`[B, E + A, V]`: the item, as each event sees it."""
        return project(self.item(examples), self.item_projections)

    def meet(self, examples: Examples) -> tuple[Tensor, Tensor]:
        """`[B, E + A]` logits before they are chained, and the user's first vector."""
        user = self.user_vectors(examples)
        return self.logits(user, self.item_vectors(examples)), user[:, 0]


def project(hidden: Tensor, projections: nn.ModuleList) -> Tensor:
    """`[B, E, H]` -> `[B, E, V]`, each event by its own linear layer."""
    vectors = [projection(hidden[:, place]) for place, projection in enumerate(projections)]
    return torch.stack(vectors, dim=1)
