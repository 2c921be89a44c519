# Thetaflow. `make help` lists the targets. Python 3.11 to 3.13 and make are all a fresh clone needs.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell sed -n 's/^\(torch==.*\)/\1/p' requirements-torch.txt)
COMPOSE ?= docker compose
ARGS ?=
N ?= 50
SEED ?=
WORKERS ?= 2

# Processes share the cores; pools of numeric threads that fight for them are slower than none.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export NUMEXPR_NUM_THREADS ?= 1
export NUMBA_NUM_THREADS ?= 1

.PHONY: help setup setup-slim lint format test test-fast coverage demo chaos chaos-execution learning bench e2e docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## /{printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environment ----------------------------------------------------------------------------------------------------

$(BIN)/python:
	@found=; for each in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if command -v "$$each" >/dev/null 2>&1 && \
	     "$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	  then found=$$each; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "expected a Python of 3.11 to 3.13, found none: set PYTHON=/path/to/python" >&2; exit 1; fi; \
	echo "creating $(VENV) with $$($$found --version)"; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "expected the venv module: on Debian and Ubuntu install python3-venv" >&2; exit 1; }

# Every package is checked against the hash of its lock file. `--no-deps`: the lock is whole, nothing is added to it.
INSTALL = $(PIP) install --quiet --no-deps --require-hashes

$(VENV)/.slim: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing requirements.lock"
	@$(INSTALL) --only-binary=:all: -r requirements.lock
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

# torch has a build per kind of machine under one version, so it is pinned by version alone. The CPU build is a quarter of
# the default one's size and drags no GPU library in; where its index cannot be reached, the plain name does.
$(VENV)/.full: requirements-dev.lock requirements.lock requirements-torch.txt pyproject.toml | $(BIN)/python
	@echo "installing requirements-dev.lock"
	@$(INSTALL) -r requirements-dev.lock
	@$(BIN)/python -c 'import importlib.metadata as m, sys; sys.exit(m.version("torch").partition("+")[0] != "$(TORCH)".partition("==")[2])' 2>/dev/null \
	  || $(PIP) install --quiet --no-deps --retries 1 --timeout 20 --index-url $(TORCH_INDEX) $(TORCH) \
	  || { echo "no CPU build from $(TORCH_INDEX): taking the default build"; $(PIP) install --quiet $(TORCH); }
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@ $(VENV)/.slim

setup: $(VENV)/.full ## create .venv and install everything from the lock
setup-slim: $(VENV)/.slim ## create .venv and install what runs without model libraries

# --- work -----------------------------------------------------------------------------------------------------------

lint: $(VENV)/.full ## ruff, mypy and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry shared services trading_system

format: $(VENV)/.full ## let ruff lay the code out
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

test: $(VENV)/.full ## all tests but long forms and compose, against a real broker, on WORKERS processes
	PYTHONPATH=tests $(BIN)/python -m pytest -p no_silent_skips -m "not slow and not compose" \
	  -n $(WORKERS) --dist loadfile $(ARGS)

test-fast: $(VENV)/.full ## unit tests without a broker, recorded days or training, about a minute
	$(BIN)/python -m pytest -q -m "not slow and not compose and not broker and not market_data" \
	  -n $(WORKERS) --dist loadfile --ignore=tests/unit/services/trainer --ignore=tests/unit/shared/models \
	  --ignore=tests/unit/services/features/test_against_reference.py tests/unit $(ARGS)

coverage: $(VENV)/.full ## line coverage of shared and the handlers by the unit and contract tests, with a floor
	$(BIN)/python -m pytest -q -m "not slow and not compose" --cov --cov-report=term:skip-covered --cov-fail-under=89 \
	  -n $(WORKERS) --dist loadfile tests/unit tests/contract tests/migration $(ARGS)

demo: $(VENV)/.slim ## replay a synthetic day through all services; ARGS="--serve" keeps the dashboard up
	@$(BIN)/thetaflow demo $(ARGS)

chaos: $(VENV)/.full ## kill workers N times (N=50, SEED= for the same again); nothing may be lost or doubled
	$(BIN)/python -m tests.chaos.run --kills $(N) $(if $(SEED),--seed $(SEED)) $(ARGS)

chaos-execution: $(VENV)/.full ## 10*N random market paths, N days and N kills around venue calls (N=1000)
	THETAFLOW_TEST_CHAOS_N=$(N) $(if $(SEED),THETAFLOW_TEST_CHAOS_SEED=$(SEED)) $(BIN)/python -m pytest -s --timeout=5400 \
	  tests/chaos/test_execution_paths.py tests/chaos/test_execution_kills.py $(ARGS)

learning: N = 40
learning: $(VENV)/.full ## train on 40 made markets without an edge (N=40) and on long ones with a known edge; takes hours
	THETAFLOW_TEST_NO_EDGE_MARKETS=$(N) $(BIN)/python -m pytest -s tests/integration/test_training_long.py $(ARGS)

bench: $(VENV)/.full ## run every benchmark
	@for each in bench/*.py; do echo "== $$each"; $(BIN)/python -m "bench.$$(basename "$$each" .py)" $(ARGS) || exit 1; done

e2e: $(VENV)/.full ## build the images, run compose for real, crash containers; needs Docker
	$(BIN)/python -m pytest -s -m compose tests/e2e --timeout=1800 $(ARGS)

docs: $(VENV)/.full ## write the generated references and .env.example anew
	$(BIN)/python -m trading_system.operations.settings_reference
	$(BIN)/python -m services.features.publish_schema
	$(BIN)/python -m services.features.document > docs/features.md
	$(BIN)/python -m services.risk.denials > docs/denials.md
	$(BIN)/python -m shared.events.topology_page > docs/topology.md
	$(BIN)/python -m shared.streaming.redis.acl > docs/acl/users.acl

PIP_COMPILE = $(BIN)/pip-compile --quiet --strip-extras --no-header --no-annotate --allow-unsafe --unsafe-package pip \
	--generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

# One resolution for all four, so that a test proves the versions a container runs. torch stands in a file of its own.
lock: $(VENV)/.full ## resolve the lock files anew, which takes minutes; ARGS="--upgrade" takes newer versions
	$(PIP_COMPILE) $(ARGS) --all-extras -o requirements-dev.lock pyproject.toml
	$(PIP_COMPILE) --constraint requirements-dev.lock --extra models -o requirements-models.lock pyproject.toml
	$(PIP_COMPILE) --constraint requirements-dev.lock --extra predict -o requirements-predict.lock pyproject.toml
	$(PIP_COMPILE) --constraint requirements-dev.lock -o requirements.lock pyproject.toml
	@for each in requirements*.lock; do \
	  awk '/^(torch|pip)==/ {skip=1; next} /^[^ ]/ {skip=0} !skip && !/^#/ && NF' "$$each" > "$$each.new" && mv "$$each.new" "$$each"; done
	@touch $(VENV)/.full $(VENV)/.slim

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
