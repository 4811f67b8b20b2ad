# Everything here sets itself up from a bare checkout: `make film` or `make test` is all it takes.
# On Windows, or without make: see "Install" in README.md.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
GOLDENS ?= ../shared/goldens
MINUTES ?= 300
DEVICE  ?= cpu
FILM    := examples/lighthouse/storyboard.toml

.DEFAULT_GOAL := help
.PHONY: help film test test-slow test-blender check format parity bench docs pocket pocket-measures clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

film: $(VENV)/.film  ## render the example film; the last line is its path
	@$(BIN)/reelwright render $(FILM)

test: $(VENV)/.dev  ## lint, types, contracts between rooms, and every quick test
	@$(MAKE) --no-print-directory check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not gpu and not blender"

test-slow: $(VENV)/.dev  ## the proofs that take minutes (kills, long shots, many storyboards)
	$(BIN)/python -m pytest -m slow

test-blender: $(VENV)/.dev  ## the stage in real Blender: agreement, scenes made by hand, kills, refusals
	@command -v blender >/dev/null || [ -n "$$REELWRIGHT_BLENDER" ] || apt-get install -y --no-install-recommends blender python3-numpy
	$(BIN)/python -m pytest -m blender tests/stage/blender

check: $(VENV)/.dev  ## ruff, mypy strict, import contracts, generated docs up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m reelwright.cli.reference --check docs

format: $(VENV)/.dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

parity: $(VENV)/.film  ## compare the engine with the reference cases in GOLDENS=dir
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m reelwright.engine.parity $(GOLDENS)

bench: $(VENV)/.film  ## measure this machine; one card and one JSON line each
	@for bench in benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

docs: $(VENV)/.film  ## write the pages that are generated from the code
	@$(BIN)/python -m reelwright.cli.reference docs

pocket: $(VENV)/.dev  ## train the pocket weights anew (hours; MINUTES=300 DEVICE=cpu; goes on where it was stopped)
	@$(BIN)/python -m tools.pocket --minutes $(MINUTES) --device $(DEVICE)

pocket-measures: $(VENV)/.film  ## measure the pocket weights on held-out scenes: writes docs/pocket.md (25 minutes)
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m tools.pocket.measure

clean:  ## remove the environment and what renders left
	rm -rf $(VENV) examples/*/.reelwright build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.film: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.film
