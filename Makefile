# Everything a person or CI runs. The first call builds .venv; later calls reuse it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
BENCH := $(VENV)/.bench
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: demo test test-all check format bench clean

demo: $(RUNTIME)       ## train a network on handwritten digits and keep every weight
	$(BIN)/weightdesk demo

test: check            ## lint, types and all tests but the heavy ones
	$(BIN)/python -m pytest -m "not heavy" -n 2 --cov --cov-report=term --cov-fail-under=95

test-all: check        ## the same with the heavy tests
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term --cov-fail-under=95

check: $(DEVELOPMENT)  ## ruff and the strict type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEVELOPMENT) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH)        ## side by side with peers; writes benchmarks/RESULTS.md
	$(BIN)/python benchmarks/run_all.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	touch $@

$(DEVELOPMENT): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[test]'
	touch $@ $(RUNTIME)

$(BENCH): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[test,bench]'
	touch $@ $(DEVELOPMENT) $(RUNTIME)

clean:                 ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage
