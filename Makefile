# The commands of the project. `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 3

.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@echo "$(CURDIR)/services/api/src" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/apex-api.pth"
	$(BIN)/python -m compileall -q pipeline shippers mappings services/api/src
	@touch $(STAMP)

setup: $(STAMP) ## the environment alone: .venv/bin/apex-logs

run: $(STAMP) ## the API and the design document's pipeline, on a sample, into ./data (ONCE=1: stop after it; PORT=8000)
	$(BIN)/python -m shippers.demonstration $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

api: $(STAMP) ## the API on PORT (8000) with LOG_TARGET (stdout); docs/api.md has the other variables
	PORT="$(or $(PORT),8000)" LOG_TARGET="$(or $(LOG_TARGET),stdout)" $(BIN)/python -m apex.api

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

docs: $(STAMP) ## the plugins' reference pages, from their own files, to docs/reference, and docs/compatibility.md
	$(BIN)/python -m pipeline.reference.pages docs/reference
	$(BIN)/python -m pipeline.reference.compatibility docs/compatibility.md

kibana: $(STAMP) ## Kibana's objects, from mappings/kibana, to apex-logs.ndjson there
	$(BIN)/python -m mappings.kibana.build

dashboards: $(STAMP) ## Grafana's dashboards, from infra/monitoring/boards to infra/monitoring/dashboards
	$(BIN)/python -m infra.monitoring.boards infra/monitoring/dashboards

bench: $(STAMP) ## events/s, memory, ratios to the floor (QUICK=1, LONG=1); also bench/results.json
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(LONG),--long)

bench-compare: $(STAMP) ## the ratios of this tree and of REV, in one run
	$(BIN)/python -m bench.compare $(or $(REV),HEAD)

release: ## tell Sentry of GIT_SHA (the commit that is checked out): commits, source maps where there are any
	services/api/release/sentry_release.sh

load: $(STAMP) ## the API under load: p95 and p99 of derive, what shipping its log costs (ARGUMENTS="--pairs 20")
	$(BIN)/python -m bench.api $(ARGUMENTS)

fuzz: $(STAMP) ## fuzz the parsers for SECONDS (300)
	$(BIN)/python -m tests.fuzz $(or $(SECONDS),300)

soak: $(STAMP) ## Beats to Elasticsearch under faults for MINUTES (60), with the oracle's report (SEED=n)
	$(BIN)/python -m tests.faults $(or $(MINUTES),60)

lock: $(STAMP) ## bring requirements.lock up to date
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --no-emit-index-url --no-header --no-annotate --upgrade \
		--override overrides.txt --group dev --all-extras pyproject.toml -o requirements.lock

clean: ## remove what was made, but not the environment
	rm -rf data screenshots .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis bench/results.json

.PHONY: help setup run api test test-long lint format docs dashboards kibana bench bench-compare release load fuzz soak lock clean
