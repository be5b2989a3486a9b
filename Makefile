# The one list of commands; CI calls the same verbs. `make` alone prints them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := $(wildcard packages/*)
READY := $(VENV)/.ready
DEMO := examples/flights

.PHONY: help setup demo test mutants compatibility lint types bench docs build check lock clean

help: ## Print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(READY) ## Create .venv and install exactly what requirements.lock pins, without root

# uv when it is there (seconds), else python3 and its pip. A Debian python3 without ensurepip cannot make a virtual
# environment; virtualenv, unpacked beside it, can.
$(READY): requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@echo "setting up $(VENV) ..." >&2
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python '>=3.11,<3.14' $(VENV); \
	  uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock; \
	else \
	  python3 -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("python3 is %d.%d; make setup needs 3.11 to 3.13, or uv" % v)'; \
	  python3 -m venv $(VENV) 2>/dev/null || { \
	    python3 -m pip install --quiet --target $(VENV)-tools virtualenv; \
	    PYTHONPATH=$(VENV)-tools python3 -m virtualenv --quiet $(VENV); }; \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; \
	fi
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation $(MEMBERS:%=--editable %)
	@touch $@

# USE=<name> takes another backend of the example's mlops.toml, and no file changes. Two need a server: with_s3.py and
# with_mlflow.py start one for the time of the demo, unless MLOPS_DEMO_S3_ENDPOINT or MLOPS_DEMO_MLFLOW_URI names one.
demo: ON = $(if $(USE),env MLOPS_USE=$(USE)) $(if $(filter s3 mlflow,$(USE)),python with_$(USE).py)
demo: $(READY) ## Train, register, promote and score on real flights; USE=s3: on a bucket, USE=mlflow: on MLflow
	@export PATH="$$PWD/$(BIN):$$PATH"; cd $(DEMO); $(ON) $(SHELL) $(.SHELLFLAGS) '\
	  python prepare.py; \
	  mlops train late-flight --alias challenger; \
	  mlops promote late-flight@challenger --alias champion; \
	  mlops score december; \
	  mlops report'

test: $(READY) ## Run every test, in random order
	@$(BIN)/python -m pytest

mutants: $(READY) ## Print which contract test catches which deliberate bug
	@MLOPS_TEST_CATCHERS=3 $(BIN)/python -m pytest -v tests/contract/test_mutants.py

compatibility: $(READY) ## Run the contract tests and write docs/compatibility.md: what each backend has proven
	@$(BIN)/python -m pytest tests/contract/test_{memory,local,s3,mlflow}_*.py --compatibility docs/compatibility.md

lint: $(READY) ## Check style (ruff) and who imports whom (import-linter)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache  # its cache has reported imports that were gone

types: $(READY) ## Check types: pyright strict, and that every public name is typed
	@$(BIN)/pyright
	@export PATH="$$PWD/$(BIN):$$PATH"; for source in $(MEMBERS:%=%/src/*); do \
	  pyright --verifytypes $$(basename $$source) --ignoreexternal | tail -4; done

bench: $(READY) ## Measure each figure of docs/performance.md
	@missed=0; for script in benchmarks/bench_*.py; do $(BIN)/python $$script || missed=1; done; exit $$missed

docs: $(READY) ## Build the documentation into site/
	@$(BIN)/zensical build --strict

build: $(READY) ## Build each package's wheel into dist/
	@for member in $(MEMBERS); do $(BIN)/python -m build --quiet --wheel --no-isolation --outdir dist $$member; done

check: lint types test build docs ## All that CI checks

lock: ## Write requirements.lock anew (needs uv)
	uv export --quiet --format requirements-txt --all-packages --all-extras --all-groups --no-emit-workspace --no-header --no-annotate -o requirements.lock
	rm -f uv.lock

clean: ## Remove everything that the verbs above made
	rm -rf $(VENV) $(VENV)-tools dist site .pytest_cache .ruff_cache .hypothesis $(DEMO)/data $(DEMO)/out $(DEMO)/.mlops*
