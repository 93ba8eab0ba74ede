# Everything a person or CI runs. The first call builds .venv; later calls reuse it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
BENCH := $(VENV)/.bench
PAGE := $(shell find web -name node_modules -prune -o -type f -print)
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: demo test test-all check web web-check messages format bench clean

demo: $(RUNTIME)       ## train a network on handwritten digits and keep every weight
	$(BIN)/weightdesk demo

test: check web-check  ## lint, types and all tests but the heavy ones
	$(BIN)/python -m pytest -m "not heavy" -n 2 --cov --cov-report=term --cov-fail-under=95

test-all: check web-check  ## the same with the heavy tests
	$(BIN)/python -m pytest --hypothesis-profile thorough -n 2 --cov --cov-report=term --cov-fail-under=95

check: $(DEVELOPMENT)  ## ruff and the strict type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

web: $(DEVELOPMENT)    ## build the page of the desk, where it is older than its sources
	$(BIN)/python hatch_build.py

web-check: web         ## types and tests of the page
	$(BIN)/python hatch_build.py check test

messages: $(DEVELOPMENT)  ## the messages of the server as TypeScript
	$(BIN)/python -m weightdesk.server.typescript > web/src/messages.ts.new
	mv web/src/messages.ts.new web/src/messages.ts

format: $(DEVELOPMENT) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH)        ## side by side with peers; writes benchmarks/RESULTS.md
	$(BIN)/python benchmarks/run_all.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml constraints.txt hatch_build.py $(PAGE) | $(VENV)/bin/python
	$(PIP) --editable .
	touch $@

$(DEVELOPMENT): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[test]'
	touch $@ $(RUNTIME)

$(BENCH): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[test,bench]'
	touch $@ $(DEVELOPMENT) $(RUNTIME)

clean:                 ## remove the environment, the built page and caches
	rm -rf $(VENV) web/node_modules src/weightdesk/server/static .mypy_cache .ruff_cache .hypothesis .coverage
