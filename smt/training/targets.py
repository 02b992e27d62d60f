"""What a network should say about each training row, and how much the row counts."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from smt.data import Batch, Schema
from smt.data.columns import Surface
from smt.data.labels import Correction, mature_labels, ripe_delays, smooth
from smt.data.sampling import group_weights, negative_weights, recalibration, recency_weights
from smt.errors import InputError
from smt.layers.networks import Network
from smt.template import Template
from smt.training.windows import Windows, conversion_window_ms


@dataclass(frozen=True)
class Targets:
    """Labels and weights of training batches, as the template's data part says.

    Training sees of a delayed event what was known at the end of the training window, or where
    rows are judged progressively when the row is learned from, whatever the data part says:
    nothing is learnt from the future.

    Attributes:
        labels: The E + A events that are learnt.
        own: E, of the model itself.
        rates: `[E + A]` their known rates in the training window, as its rows were kept; of
            values, the means.
        correction: What is added to logits, because negatives were left out. Exact where one
            event is learnt from labels of 0 or 1 (He et al. 2014, Eq. 4); 0 where rows are
            weighed instead, as they are of values.
        end_ms: When the training window ends.
        surface_weights: `[num_ids]` weight of a row by its surface, or None.
        ripe: Delayed event -> the delays known from closed conversion windows.
        wait_ms: From a row to when it is learned from, its conversion window closed; None where
            all are learned from at `end_ms`.
    """

    template: Template
    schema: Schema
    labels: tuple[str, ...]
    own: int
    rates: Tensor
    correction: float
    end_ms: int
    surface_weights: Tensor | None
    ripe: dict[str, Tensor]
    wait_ms: int | None

    @classmethod
    def of(
        cls,
        template: Template,
        network: Network,
        windows: Windows,
        rates: dict[str, float],
        device: torch.device,
        wait_ms: int | None = None,
    ) -> "Targets":
        """The targets of a network's training on these windows.

        Args:
            rates: Event -> its known rate in the training window, or its mean value.
        """
        ripe = _ripe(template, network, windows, device) if wait_ms is None else {}
        losses = network.losses
        exact = len(network.labels) == 1 and losses.kinds[0].recalibrates and not ripe
        correction = recalibration(template.data.negative_rate) if exact else 0.0
        known = torch.tensor([rates[event] for event in network.labels], dtype=torch.float64)
        kept = losses.shifted(known, -correction)
        return cls(
            template=template,
            schema=network.schema,
            labels=network.labels,
            own=len(network.events),
            rates=kept.float().to(device),
            correction=correction,
            end_ms=windows.end_ms,
            surface_weights=_surface_weights(template, windows, device),
            ripe=ripe,
            wait_ms=wait_ms,
        )

    @property
    def columns(self) -> list[str]:
        """Columns that batches must hold beside features and labels."""
        columns = [
            delay for event in self.labels if (delay := self.schema.delay_of(event)) is not None
        ]
        if columns or self.template.data.recency_half_life is not None:
            columns.append(self.schema.timestamp)
        if self.surface_weights is not None:
            columns += self.schema.names(Surface)
        return columns

    def known(self, batch: Batch) -> Batch:
        """The batch with labels as the window's end knew them."""
        labels = batch.labels.clone()
        for place, event in enumerate(self.labels):
            delay = self.schema.delay_of(event)
            if delay is not None:
                labels[:, place], _ = self._mature(batch, event, delay, "none")
        return replace(batch, labels=labels)

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """`[B, E + A]` labels and weights; of events in [0, 1] unless corrected for delays.

        Args:
            batch: With known labels.
        """
        data = self.template.data
        labels, weights = batch.labels.clone(), torch.ones_like(batch.labels)
        for place, event in enumerate(self.labels):
            delay = self.schema.delay_of(event)
            if delay is not None and data.conversion_window is not None:
                how = data.conversion_window.correction
                labels[:, place], weights[:, place] = self._mature(batch, event, delay, how)
        if data.negative_rate < 1 and not self.correction:
            # Rows that stand for those left out.
            positive = batch.labels[:, : self.own].any(dim=1)
            weights = weights * negative_weights(positive, data.negative_rate).unsqueeze(1)
        if data.label_smoothing:
            labels = smooth(labels, self.rates, data.label_smoothing)
        rows = batch.weights
        if data.recency_half_life is not None:
            times = batch.extra[self.schema.timestamp]
            rows = rows * recency_weights(times, self.end_ms, data.recency_half_life)
        if self.surface_weights is not None:
            rows = rows * self.surface_weights[batch.extra[self.schema.names(Surface)[0]]]
        return labels, weights * rows.unsqueeze(1)

    def _mature(
        self, batch: Batch, event: str, delay: str, correction: Correction
    ) -> tuple[Tensor, Tensor]:
        """`[B]` labels and weights of a delayed event, as was known when it is learned from."""
        times = batch.extra[self.schema.timestamp]
        return mature_labels(
            batch.labels[:, self.labels.index(event)],
            batch.extra[delay],
            times,
            window_ms=conversion_window_ms(self.template),
            observed_until_ms=self.end_ms if self.wait_ms is None else times + self.wait_ms,
            # A window that has closed leaves nothing to correct.
            correction=correction if self.wait_ms is None else "none",
            ripe=self.ripe.get(event),
        )


def _surface_weights(template: Template, windows: Windows, device: torch.device) -> Tensor | None:
    """Weight by surface code; 1 on average over the training rows."""
    power = template.data.surface_balance
    if power == 0 or windows.surface_counts is None:
        return None
    weights = group_weights(windows.surface_counts, power)
    return torch.from_numpy(weights).to(device)


def _ripe(
    template: Template, network: Network, windows: Windows, device: torch.device
) -> dict[str, Tensor]:
    spec, window_ms = template.data.conversion_window, conversion_window_ms(template)
    if spec is None or window_ms is None or spec.correction != "weighted":
        return {}
    ripe = {
        event: _ripe_delays(windows, event, window_ms).to(device)
        for event in network.labels
        if network.schema.delay_of(event) is not None
    }
    for event, delays in ripe.items():
        if not len(delays):
            raise InputError(
                f"no conversion window of {spec.hours:g} hours with '{event}' in it closed before "
                "the training window's end, so its delays are not known; shorten the window"
            )
    return ripe


def _ripe_delays(windows: Windows, event: str, window_ms: int) -> Tensor:
    """`[m]` ascending: of all stretches of the training window together."""
    delays = [
        ripe_delays(*rows, window_ms=window_ms, observed_until_ms=windows.end_ms)
        for rows in windows.delayed(event)
    ]
    return torch.cat(delays).sort().values
