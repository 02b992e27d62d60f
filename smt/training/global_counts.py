"""What a network counts over a batch, counted over the examples of all workers."""

from functools import partial

from torch import Tensor, nn

from smt.layers.moments import Moments
from smt.layers.past_rates import PastRatesToken
from smt.training.workers import Workers, gather_rows


def count_globally(network: nn.Module, workers: Workers) -> None:
    """Let means, variances and past rates be those of all workers' examples, in place."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm1d) and not child.affine:
                setattr(parent, name, _GlobalBatchNorm(child, workers))
            elif isinstance(child, Moments | PastRatesToken):
                child.gather = partial(gather_rows, workers=workers)


class _GlobalBatchNorm(nn.BatchNorm1d):
    """Normalises inputs, to which no gradient flows, by all workers' examples."""

    def __init__(self, local: nn.BatchNorm1d, workers: Workers) -> None:
        super().__init__(local.num_features, local.eps, local.momentum, affine=False)
        self.load_state_dict(local.state_dict())
        self.to(next(local.buffers()).device)
        self._workers = workers

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return super().forward(inputs)
        everyone = super().forward(gather_rows(inputs, workers=self._workers))
        return everyone.chunk(self._workers.count)[self._workers.rank]
