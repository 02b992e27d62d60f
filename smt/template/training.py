"""The training part: how a network is trained, and on what."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from smt.spec import Spec, UnitInterval
from smt.template.optimizers import AdamSpec, DenseOptimizer


class ConstantRate(Spec):
    """Learning rates stay as they are."""

    kind: Literal["constant"] = "constant"


class WarmupCosine(Spec):
    """Linear warm-up over a share of the steps, then a half cosine down to `final`.

    All rates are multiplied by `peak` at the top and `peak * final` at the end.
    """

    kind: Literal["warmup_cosine"] = "warmup_cosine"
    warmup: UnitInterval
    peak: PositiveFloat
    final: UnitInterval


Schedule = Annotated[ConstantRate | WarmupCosine, Field(discriminator="kind")]


class Distribution(Spec):
    """How parameters are spread over several workers.

    Attributes:
        dense: Copied, fully sharded, or sharded within groups and copied between them.
        shard_workers: How many are such a group; those of a node where not given.
        offload: Keep the shards in the host's memory, where training is on GPUs.
        tables: Where rows of tables live; `planned` leaves it to TorchRec's planner.
    """

    dense: Literal["data_parallel", "fsdp", "hybrid"] = "data_parallel"
    shard_workers: PositiveInt | None = None
    offload: bool = False
    tables: Literal["planned", "data_parallel", "table_wise", "column_wise", "row_wise"] = "planned"


class Capacity(Spec):
    """What one worker gets: its topology is `workers` of these."""

    cpus: PositiveInt = 1
    gpus: Annotated[int, Field(ge=0)] = 0
    memory_gib: PositiveFloat | None = None


class Training(Spec):
    """How a network is trained, in time order.

    Attributes:
        batch_size: Examples a step, of all workers together.
        passes: Over the training window.
        window_days: Only so many days before the end of the training window.
        optimizer: Of the dense part, at `dense_rate`.
        table_optimizer: Of the tables, at `table_rate`. Row-wise Adagrad keeps a sum a row, not
            a sum an element, so its rows cannot be split into columns.
        schedule: Of all rates.
        clip_norm: Largest norm of the dense gradient.
        ema_decay: Networks are judged and served with an exponential moving average of the
            dense parameters.
        judge: What a network is judged by. `progressive`: each row is predicted by what was
            learned before it, then learned from, as where models are retrained all the time;
            all rows of the log are learned from. `frozen`: the test window, by the weights that
            training over the rows before it ends with. `truth`: progressively, by the loss that is
            expected under the events' true probabilities, which simulated logs alone have. It
            tells how far the other two are off; no run that chooses anything takes it.
        judge_share: Of the rows, the latest, that are judged progressively; all of the test
            window at least.
        precision: bf16 computes the forward and backward pass of the dense part in bfloat16.
        workers: More than one train together, tables sharded, in a Ray Train run of their own.
        distribution: How, with more than one worker.
        capacity: Of each worker.
    """

    batch_size: PositiveInt = 512
    passes: PositiveInt = 1
    window_days: PositiveFloat | None = None
    optimizer: DenseOptimizer = AdamSpec()
    dense_rate: PositiveFloat = 0.002
    table_optimizer: Literal["row_wise_adagrad", "adagrad"] = "row_wise_adagrad"
    table_rate: PositiveFloat = 0.05
    schedule: Schedule = ConstantRate()
    clip_norm: PositiveFloat | None = None
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    judge: Literal["progressive", "frozen", "truth"] = "progressive"
    judge_share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    precision: Literal["fp32", "bf16"] = "fp32"
    workers: PositiveInt = 1
    distribution: Distribution = Distribution()
    capacity: Capacity = Capacity()
