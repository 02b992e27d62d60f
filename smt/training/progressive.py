"""Judged rows that are predicted while a network learns: each before its label may be known."""

import torch
from torch import Tensor, nn

from smt.data import Batch
from smt.data.ahead import BATCHES_AHEAD, ahead
from smt.layers.networks import Network
from smt.training.judged_rows import Times
from smt.training.learner import Learner
from smt.training.predict import Predictions, judged_batches, predict_batch
from smt.training.windows import Windows


class Progressive:
    """Predicts the judged rows in order, a batch before the first step that knows of its rows.

    Attributes:
        logits: `[n, E]` of the n rows that have been predicted, by batches.
        predicted: n.
    """

    def __init__(self, learner: Learner, reads: Network, windows: Windows, due: Times) -> None:
        """Start before the first judged row.

        Args:
            reads: The plain network of the learner's.
            windows: Their test window are the judged rows.
            due: `[steps]` judged rows to be predicted before each step of the training.
        """
        self.learner = learner
        self.reads = reads
        self.due = due
        self.logits: list[Tensor] = []
        self.predicted = 0
        self._seen: list[tuple[Tensor, Tensor]] = []
        self._floors: list[Tensor] = []
        training = learner.template.training
        truth = training.judge == "truth"
        batches = (b for b in judged_batches(reads, windows, training.batch_size, truth=truth))
        self._batches = ahead(batches, BATCHES_AHEAD)

    def resume(self, logits: Tensor) -> None:
        """Go on behind the `[n, E]` logits that an interrupted training made."""
        while self.predicted < len(logits):
            batch = next(self._batches)
            self._keep(batch, logits[self.predicted : self.predicted + len(batch)])

    def before_step(self, step: int) -> None:
        """Predict all rows that were shown before the labels of the step's rows were known."""
        if self.predicted < self.due[step]:
            with self.learner.judged() as network:
                while self.predicted < self.due[step]:
                    self._predict(network, next(self._batches))

    def finish(self, correction: float) -> Predictions:
        """Predict the rest; `correction` is added to all logits."""
        with self.learner.judged() as network:
            for batch in self._batches:
                self._predict(network, batch)
        labels, weights = (
            torch.cat(values).double().numpy() for values in zip(*self._seen, strict=True)
        )
        return Predictions(
            torch.cat(self.logits).double().numpy() + correction,
            labels,
            weights,
            torch.cat(self._floors).double().numpy() if self._floors else None,
        )

    def _predict(self, network: nn.Module, batch: Batch) -> None:
        logits = predict_batch(network, self.reads, batch, self.reads.bias.device)
        self._keep(batch, logits.cpu())

    def _keep(self, batch: Batch, logits: Tensor) -> None:
        self.logits.append(logits)
        self._seen.append((batch.labels, batch.weights))
        if batch.floors is not None:
            self._floors.append(batch.floors)
        self.predicted += len(batch)
