"""A network that learns from one batch after another."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from smt.data import Batch
from smt.errors import StoppedError
from smt.layers.networks import Network
from smt.template import Template
from smt.training.averaging import Averaged
from smt.training.divergence import InputFaults, cause_of
from smt.training.optimizers import clip_gradients
from smt.training.parallel import parallelize
from smt.training.schedule import rate_factor
from smt.training.served_tables import require_whole_rows, tables_as_served
from smt.training.sharded_dense import reshard
from smt.training.workers import Workers, all_finite, total_weight

CHECK_EVERY = 16
"""Steps between looks at the loss, where a look waits for the device or for other workers."""


class DivergedError(StoppedError):
    """Training made a loss that is not a finite number; the sentence says which input did."""


class Learner:
    """Trains a network as the template's training part says.

    Attributes:
        placed: The network where it trains, and its optimizers.
        network: What batches go through: the plain network, or the sharded one.
    """

    def __init__(
        self,
        network: Network,
        template: Template,
        steps: int,
        workers: Workers,
        units: Tensor | None = None,
    ) -> None:
        """Place the network.

        Args:
            units: `[E + A]` the labels' means, in which values are counted; ones where None.
        """
        self.template = template
        self.steps = steps
        self.workers = workers
        self.events = len(network.events)
        self.labels = len(network.labels)
        self.losses = network.losses
        self.units = torch.ones(self.labels) if units is None else units
        self.placed = parallelize(network.train(), template.training, workers)
        self.network = self.placed.network
        self._modules = tuple(self.network.modules())
        require_whole_rows(self.network, template.serving.table_precision)
        self.faults = InputFaults(network)
        self.base_rates = [
            [group["lr"] for group in optimizer.param_groups]
            for optimizer in self.placed.optimizers
        ]
        decay = template.training.ema_decay
        self.averaged = None if decay is None else Averaged(self.placed.trained.values(), decay)

    def step(self, step: int, batch: Batch, labels: Tensor, weights: Tensor) -> Tensor:
        """Learn from one batch.

        Args:
            step: Its number, from 0; the schedule's place.
            labels: `[B, E + A]` targets; above 1 where they stand for labels not known yet.
            weights: `[B, E + A]` of the examples.

        Returns:
            `[B, E + A]` logits from before the step, detached.

        Raises:
            DivergedError: The loss is not finite; the error names the feature that it comes from.
        """
        self._set_rates(step)
        self.faults.note(batch)
        for optimizer in self.placed.optimizers:
            optimizer.zero_grad()
        outputs = self._outputs(batch)
        loss = self._loss(outputs, labels, weights, self._total(weights))
        if self._looks(step, loss) and not all_finite(loss, self.workers):
            raise DivergedError(
                f"the training loss is not finite at step {step} of {self.steps}: "
                f"{self._cause(batch, labels, weights)}"
            )
        torch.autograd.backward(loss)
        if self.template.training.clip_norm is not None:
            clip_gradients(self.placed.dense.values(), self.template.training.clip_norm)
        # The fused ones have updated their tables in `backward`, at the rate they got before it.
        for optimizer in (*self.placed.dense_optimizers, *self.placed.copied_tables):
            optimizer.step()
        if self.averaged is not None:
            self.averaged.update()
        return outputs[:, : self.labels].detach()

    @contextmanager
    def judged(self) -> Iterator[nn.Module]:
        """The network as it would serve now, to predict with; it trains on afterwards."""
        try:
            with tables_as_served(self.network, self.template.serving.table_precision):
                yield self.finish()
        finally:
            if self.averaged is not None:
                self.averaged.exchange()
                reshard(self.network)
            self._set_mode(training=True)

    def finish(self) -> nn.Module:
        """The network in evaluation mode, with averaged parameters where there are some."""
        if self.averaged is not None:
            self.averaged.exchange()
        self._set_mode(training=False)
        return self.network

    def _set_mode(self, *, training: bool) -> None:
        # `nn.Module.train` walks the tree and goes through `__setattr__`: 6% of a whole training.
        for module in self._modules:
            vars(module)["training"] = training

    def _outputs(self, batch: Batch) -> Tensor:
        bf16 = self.template.training.precision == "bf16"
        with torch.autocast(batch.labels.device.type, torch.bfloat16, enabled=bf16):
            outputs = cast(Tensor, self.network(batch))
        return outputs.float()

    def _looks(self, step: int, loss: Tensor) -> bool:
        waits = self.workers.count > 1 or loss.device.type != "cpu"
        return not waits or step % CHECK_EVERY == 0

    def _cause(self, batch: Batch, labels: Tensor, weights: Tensor) -> str:
        @torch.no_grad()
        def is_finite(other: Batch) -> bool:
            loss = self._loss(self._outputs(other), labels, weights, weights.new_ones(()))
            return bool(loss.isfinite())

        training = self.template.training
        return cause_of(self.faults, self.network, batch, is_finite, training, self.workers)

    def _total(self, weights: Tensor) -> Tensor:
        """What the batch weighs: by the model's own events, whatever else is learnt."""
        return total_weight(weights[:, : self.events], self.workers) / self.events

    def _loss(self, outputs: Tensor, labels: Tensor, weights: Tensor, total: Tensor) -> Tensor:
        """The mean loss of the model's events, and `weight` times that of the others."""
        if outputs.shape[1] == self.events:
            weighed = self.losses.weighed_training_loss(outputs, labels, weights, self.units)
            return weighed / (self.events * total)
        losses = self.losses.training_losses(outputs[:, : self.labels], labels, self.units)
        weighted = losses * weights
        summed = weighted[:, : self.events].mean(dim=1).sum()
        auxiliary = self.template.data.auxiliary
        share = 1.0 if auxiliary is None else auxiliary.weight
        if self.labels > self.events:
            summed = summed + share * weighted[:, self.events :].mean(dim=1).sum()
        if outputs.shape[1] > self.labels:
            summed = summed + share * (outputs[:, -1] * weights[:, 0]).sum()
        return summed / total

    def _set_rates(self, step: int) -> None:
        factor = rate_factor(self.template.training.schedule, step, self.steps)
        for optimizer, rates in zip(self.placed.optimizers, self.base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
