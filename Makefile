# Ponte. `make` alone prints this list; everything below runs with nothing but Python and make.
# A line `target: ## what it does` becomes a line of the list.

PYTHON ?= python3
UV     ?= uv
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ponte-installed
PYTEST := $(BIN)/pytest

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo up test test-unit test-contract test-integration test-faults test-e2e test-architecture fuzz-api bench-ingest bench-latency bench-outage bench-streams bench-query bench-indexes check format api-contract lock clean

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	     /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	     /^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run

demo: setup ## start everything with a believable shop; ends with a sign-in link
	@$(BIN)/ponte up --demo

up: setup ## start everything, empty
	@$(BIN)/ponte up

##@ Prove

# Two processes, each with servers of its own: the suite waits more than it computes. A file stays in one process. A process that
# dies is not replaced: xdist 3.8 then waits for ever for tests that it handed to nobody (its issues 1323, 1327 and 1378).
test: setup ## the whole suite: rings, checks, real servers, real browser
	@$(PYTEST) --numprocesses 2 --dist loadfile --max-worker-restart 0

test-unit: setup ## no I/O, milliseconds
	@$(PYTEST) tests/unit

test-contract: setup ## one suite for each port, on the fake and on the real server
	@$(PYTEST) tests/contract

test-integration: setup ## one adapter, one real server
	@$(PYTEST) tests/integration

test-faults: setup ## real servers that are killed, frozen and slowed under load; nothing lost, nothing doubled
	@$(PYTEST) tests/faults

test-e2e: setup ## four real processes, one real browser
	@$(PYTEST) tests/e2e

fuzz-api: setup ## schemathesis asks the API everything that its schema allows and refuses, for long; FUZZ_ARGS are its own options
	@$(BIN)/python -m tests.support.api_fuzz $(FUZZ_ARGS)

test-architecture: setup ## the rooms, the names, the house rules
	@$(PYTEST) tests/architecture

check: setup ## style, types, rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

##@ Measure

bench-ingest: setup ## ingest beside Kafka Connect and the bare loop; 5 minutes, BENCH_MODE=full for 90 (tests/bench/README.md)
	@$(BIN)/python -m tests.bench.ingest

bench-outage: setup ## MongoDB, then Kafka away for a minute under load: how fast the rest is drained, whether all is there; 10 minutes
	@$(BIN)/python -m tests.bench.outage

bench-streams: setup ## 500 live streams: what they cost, how soon events come, whether ingest notices; 3 minutes
	@$(BIN)/python -m tests.bench.streams

bench-query: setup ## every view at 1 and 10 million entries beside the bare driver; 15 minutes, and as long once to make the entries
	@$(BIN)/python -m tests.bench.query

bench-indexes: setup ## what each index of the log costs MongoDB at an insert; 2 minutes
	@$(BIN)/python -m tests.bench.indexes

bench-latency: setup ## from publish to visible in the API, at 10, 50 and 80 % of the maximum
	@$(BIN)/python -m tests.bench.latency

##@ Keep

# The jars live in the user's cache, outside the stamp's sight: the installer looks there each time (0.1 s).
setup: $(STAMP) ## .venv with `ponte`, Kafka's jars and the AOT cache (once, about two minutes)
	@$(BIN)/python -m deploy.local.install

format: setup ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

api-contract: setup ## write the public contract down (tests/contract/query/api_v1.txt) after something was added to the API
	@$(BIN)/python -m tests.support.api_contract $(ARGS)

# Compiled by uv for every platform at once; no host name, no annotation, so that a diff shows versions only.
COMPILE := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
           --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

NODE_LOCK := tests/integration/query/typescript/node.lock

lock: ## write requirements.lock, deploy/locks/ and the TypeScript check's again (needs uv; LOCK_ARGS=--upgrade for newer versions)
	@command -v $(UV) > /dev/null || { echo "make lock needs uv: install it with pip (pip install uv) or give UV=path"; exit 1; }
	@$(COMPILE) $(LOCK_ARGS) --all-extras --output-file requirements.lock > /dev/null
	@$(subst pyproject.toml,--group pyproject.toml:typescript,$(COMPILE)) $(LOCK_ARGS) --output-file $(NODE_LOCK) > /dev/null
	@for image in base query exporter; do \
	    extra=$$([ $$image = base ] || echo "--extra $$image"); \
	    $(COMPILE) $$extra --constraint requirements.lock --output-file deploy/locks/$$image.lock > /dev/null || exit 1; \
	    echo "deploy/locks/$$image.lock"; \
	done

clean: ## remove .venv and caches; data of `ponte up` stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info

# Skipped while neither file is newer than the last good set-up.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
	    echo "Ponte needs Python 3.11 or newer as $(PYTHON). Here: $$($(PYTHON) --version 2>&1 || true)"; \
	    echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || { \
	    echo "$(PYTHON) cannot make environments: its venv module is missing (Debian and Ubuntu: apt-get install python3-venv)"; exit 1; }
	@echo "[1/3] environment in $(VENV)"
	@[ -x $(BIN)/python ] && $(BIN)/python -c 'import pip' 2> /dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "[2/3] packages of requirements.lock, each checked by its hash (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@echo "[3/3] Ponte itself"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
