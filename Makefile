# `make demo` and `make test` need Python 3.11 and nothing else.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: install turn demo test lint bench

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt packaging/fbgemm-gpu/pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt ./packaging/fbgemm-gpu --editable '.[dev]'
	touch $@

# A turn of the wheel: search, the next versions in templates of its own, a launch, one page of it.
# What is made is not made again; options of the three commands go to SEARCH, VERSION and LAUNCH.
OUT ?= runs/turn
FLEET ?= experiments/fleets/simulated.yaml
FROM ?= smt/template/templates
TECHNIQUES ?= ema_weights past_rates
OPTIONS = --fleet $(FLEET) --templates $(OUT)/templates --out $(OUT)/$(1) \
	$(if $(wildcard $(OUT)/$(1)/run.json $(OUT)/$(1)/*/run.json),--resume)
turn: $(OUT)/search/result.json
	$(BIN)/python experiments/integrate.py $(call OPTIONS,version) --run $(OUT)/search --write $(VERSION)
	$(BIN)/python experiments/instantiate.py $(call OPTIONS,launch) $(LAUNCH)
	$(BIN)/python experiments/cycle.py --out $(OUT)

$(OUT)/search/result.json: | install
	mkdir -p $(OUT)/templates
	cp -rn $(FROM)/. $(OUT)/templates
	$(BIN)/python experiments/generalize.py $(call OPTIONS,search) --techniques $(TECHNIQUES) $(SEARCH)

SEED := 0
DEMO := runs/demo
demo: install
	rm -rf $(DEMO)
	$(MAKE) turn OUT=$(DEMO) FLEET=experiments/fleets/demo.yaml FROM=experiments/templates \
		SEARCH="--representatives 20 --trials 2 --candidates 1 --seed $(SEED)" VERSION="--seeds 1"

test: install
	$(BIN)/pytest --numprocesses 2 --no-loadscope-reorder

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python benchmarks/simulator.py
	$(BIN)/python benchmarks/orchestration.py
