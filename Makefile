# `make demo` and `make test` need Python 3.11 and nothing else.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: install demo test lint bench

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt packaging/fbgemm-gpu/pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt ./packaging/fbgemm-gpu --editable '.[dev]'
	touch $@

demo: install
	rm -rf runs/demo
	$(BIN)/python experiments/generalize.py --out runs/demo --representatives 8 --trials 4 \
		--template decoupled_sparsenn_small@2 --techniques ema_weights past_rates \
		--train-rows 100000

test: install
	$(BIN)/pytest --numprocesses 2 --no-loadscope-reorder

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python benchmarks/simulator.py
	$(BIN)/python benchmarks/orchestration.py
