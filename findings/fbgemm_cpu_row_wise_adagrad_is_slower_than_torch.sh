#!/usr/bin/env bash
# fbgemm-gpu-cpu 1.8.0: on a CPU, `backward` of SplitTableBatchedEmbeddingBagsCodegen with row-wise
# Adagrad takes several times as long as the same step in plain torch and numpy: gradients summed by
# `np.unique(return_inverse=True)` and `index_add_`, then gathered sums of squares. Seen with 20 tables of
# 10,000 rows of width 16, a batch of 512 and one id a table and example, on one thread:
#
# Seen:
#   fbgemm 5.4 ms, plain 1.7 ms: 3.1 times; rows apart 1.1e-08
#
# Its lookup alone is as fast as torch's. The kernel is fused for GPUs; of small networks on a CPU it is most
# of a training step.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 fbgemm-gpu-cpu==1.8.0
"$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import statistics
import time

import numpy as np
import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation, PoolingMode
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    SplitTableBatchedEmbeddingBagsCodegen,
)

TABLES, ROWS, BATCH, DIM, RATE, EPS = 20, 10_000, 512, 16, 0.01, 1e-8
torch.set_num_threads(1)
torch.manual_seed(0)
fused = SplitTableBatchedEmbeddingBagsCodegen(
    [(ROWS, DIM, EmbeddingLocation.HOST, ComputeDevice.CPU)] * TABLES,
    optimizer=EmbOptimType.EXACT_ROWWISE_ADAGRAD,
    learning_rate=RATE,
    eps=EPS,
    pooling_mode=PoolingMode.SUM,
    device=torch.device("cpu"),
)
fused.init_embedding_weights_uniform(-0.01, 0.01)
weights = torch.cat(list(fused.split_embedding_weights())).clone()
squares = torch.zeros(TABLES * ROWS, 1)
starts = (torch.arange(TABLES) * ROWS).repeat_interleave(BATCH)
offsets = torch.arange(TABLES * BATCH + 1)


def step_plain(ids, gradient):
    rows = ids + starts
    of_rows = gradient.view(BATCH, TABLES, DIM).transpose(0, 1).reshape(-1, DIM)
    touched, place = map(torch.from_numpy, np.unique(rows.numpy(), return_inverse=True))
    summed = torch.zeros(len(touched), DIM).index_add_(0, place, of_rows)
    total = squares[touched] + summed.square().mean(1, keepdim=True)
    squares.index_copy_(0, touched, total)
    weights.index_add_(0, touched, summed * (-RATE / (total.sqrt() + EPS)))


spent = {"fbgemm": [], "plain": []}
for _ in range(30):
    ids, gradient = torch.randint(ROWS, (TABLES * BATCH,)), torch.randn(BATCH, TABLES * DIM)
    output = fused(ids, offsets)
    started = time.thread_time()
    output.backward(gradient)
    spent["fbgemm"].append(time.thread_time() - started)
    started = time.thread_time()
    step_plain(ids, gradient)
    spent["plain"].append(time.thread_time() - started)
kernel, plain = (statistics.median(times) * 1e3 for times in spent.values())
apart = (torch.cat(list(fused.split_embedding_weights())) - weights).abs().max().item()
print(
    f"fbgemm {kernel:.1f} ms, plain {plain:.1f} ms: {kernel / plain:.1f} times; "
    f"rows apart {apart:.1e}"
)
assert apart < 1e-5, "the two steps are no longer one"
assert kernel > 1.5 * plain, "fbgemm's CPU step is no longer the slower one"
PYTHON
