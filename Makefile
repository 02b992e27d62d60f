# `make demo` and `make test` need Python 3.11 and nothing else.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: install demo test lint bench

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt packaging/fbgemm-gpu/pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt ./packaging/fbgemm-gpu --editable '.[dev]'
	touch $@

# A turn of the wheel: search, the next versions in templates of its own, a launch, one page of it.
DEMO := runs/demo
SEED := 0
FLEET := --fleet experiments/fleets/demo.yaml --templates $(DEMO)/templates
demo: install
	rm -rf $(DEMO)
	mkdir -p $(DEMO)
	cp -r experiments/templates $(DEMO)
	$(BIN)/python experiments/generalize.py $(FLEET) --techniques ema_weights past_rates \
		--representatives 6 --trials 3 --candidates 2 --seed $(SEED) --out $(DEMO)/search
	$(BIN)/python experiments/integrate.py $(FLEET) --run $(DEMO)/search --seeds 1 --write \
		--out $(DEMO)/version
	$(BIN)/python experiments/instantiate.py $(FLEET) --out $(DEMO)/launch
	$(BIN)/python experiments/cycle.py --out $(DEMO)

test: install
	$(BIN)/pytest --numprocesses 2 --no-loadscope-reorder

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python benchmarks/simulator.py
	$(BIN)/python benchmarks/orchestration.py
