# The commands of the project. `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	$(BIN)/python -m compileall -q pipeline shippers mappings
	@touch $(STAMP)

setup: $(STAMP) ## the environment alone: .venv/bin/apex-logs

run: $(STAMP) ## the design document's pipeline on a sample, into ./data (ONCE=1: stop after the sample)
	$(BIN)/python -m shippers.demonstration $(if $(ONCE),--once)

test: $(STAMP) ## the whole suite, real servers included
	$(BIN)/python -m pytest -n $(WORKERS)

test-long: $(STAMP) ## the longer proofs, or ONLY="tests/proofs/test_kill.py"; the report goes to docs/long-proofs.md
	$(BIN)/python -m tests.long_report $(ONLY)

lint: $(STAMP) ## ruff and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP) ## format the code
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

docs: $(STAMP) ## the plugins' reference pages, from their own files, to docs/plugins
	$(BIN)/python -m pipeline.reference docs/plugins

kibana: $(STAMP) ## Kibana's objects, from mappings/kibana, to apex-logs.ndjson there
	$(BIN)/python -m mappings.kibana.build

bench: $(STAMP) ## events/s, memory, ratios to the floor (QUICK=1, LONG=1); also bench/results.json
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(LONG),--long)

bench-compare: $(STAMP) ## the ratios of this tree and of REV, in one run
	$(BIN)/python -m bench.compare $(or $(REV),HEAD)

fuzz: $(STAMP) ## fuzz the parsers for SECONDS (300)
	$(BIN)/python -m tests.fuzz $(or $(SECONDS),300)

soak: $(STAMP) ## Beats to Elasticsearch under faults for MINUTES (60), with the oracle's report (SEED=n)
	$(BIN)/python -m tests.faults $(or $(MINUTES),60)

lock: $(STAMP) ## bring requirements.lock up to date
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --no-emit-index-url --no-header --no-annotate --upgrade \
		--override overrides.txt --group dev --all-extras pyproject.toml -o requirements.lock

clean: ## remove what was made, but not the environment
	rm -rf data .pytest_cache .mypy_cache .ruff_cache .hypothesis bench/results.json

.PHONY: help setup run test test-long lint format docs kibana bench bench-compare fuzz soak lock clean
