#!/usr/bin/env bash
# botorch 0.18.1: optimize_acqf_mixed_alternating perturbs points that were tried, which it takes from the
# model's training inputs where the acquisition function has no `X_baseline`. Those of a MultiTaskGP
# have a column more, the task's, which is no dimension of the space: with a discrete dimension of two
# values it raises. With one of more values, or categories alone, it does not: then it perturbs no
# points, or reads the columns that it needs.
#
# Seen:
#   as it is: RuntimeError: The size of tensor a (3) must match the size of tensor b (2) ...
#   with X_baseline: a point of 2 dimensions
#
# Set `acquisition.X_baseline` to the tried points without the task's column.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet botorch==0.18.1 gpytorch==1.15.2 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from botorch.acquisition.logei import qLogExpectedImprovement
from botorch.acquisition.objective import GenericMCObjective
from botorch.models import MultiTaskGP
from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating

torch.manual_seed(0)
tried = torch.rand(8, 2, dtype=torch.double)
tried[:, 1] = (tried[:, 1] > 0.5).double()
tasks = torch.arange(8, dtype=torch.double).remainder(2).unsqueeze(1)
values = (tried[:, :1] - 0.3).square().neg() + 0.1 * tasks
model = MultiTaskGP(torch.cat([tried, tasks], 1), values, task_feature=-1)
acquisition = qLogExpectedImprovement(
    model, best_f=0.0, objective=GenericMCObjective(lambda samples, X=None: samples.mean(-1))
)


def optimise():
    point, _ = optimize_acqf_mixed_alternating(
        acquisition,
        bounds=torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.double),
        discrete_dims={1: [0.0, 1.0]},
        raw_samples=16,
        num_restarts=2,
    )
    return point


try:
    optimise()
except RuntimeError as error:
    assert "size of tensor a (3) must match the size of tensor b (2)" in str(error), error
    print(f"as it is: RuntimeError: {str(error)[:69]} ...")
else:
    raise SystemExit("the task's column is left out now")
acquisition.X_baseline = tried
assert optimise().shape == (1, 2)
print("with X_baseline: a point of 2 dimensions")
PYTHON
