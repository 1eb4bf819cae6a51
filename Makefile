# GNU make and Python 3.11 are all that this needs; `make help` lists the targets.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Compiled requirements as they were when they were last installed.
INSTALLED := .venv/installed-requirements.txt
INSTALLED_DEV := .venv/installed-requirements-dev.txt
TEST_PROCESSES ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# Byte code must be kept: without it every start compiles the whole platform again.
unexport PYTHONDONTWRITEBYTECODE
# Variables of an activated environment must not reach into ours.
unexport PYTHONHOME VIRTUAL_ENV PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help setup up base-images demo data-services test golden compat fuzz faults soak lint format bench migrations requirements clean

help: ## list the targets
	@awk -F ":.*## " '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "algoport: no python3.11 found; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "algoport: $(PYTHON) is older than Python 3.11; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "making .venv with $(PYTHON)"
	@rm -rf .venv
	@"$(PYTHON)" -m venv .venv

# The copy is written last: an installation that was interrupted is repeated.
.PHONY: runtime
runtime: $(BIN)/python
	@cmp -s requirements.txt $(INSTALLED) || { \
		echo "installing the packages of requirements.txt (once, most of a minute)" && \
		$(PIP) -r requirements.txt && cp requirements.txt $(INSTALLED); }

setup: runtime ## make .venv with everything for development
	@cmp -s requirements-dev.txt $(INSTALLED_DEV) || { \
		echo "installing the packages of requirements-dev.txt" && \
		$(PIP) -r requirements-dev.txt && cp requirements-dev.txt $(INSTALLED_DEV); }

up: runtime ## start the platform; Ctrl-C stops it
	@exec $(BIN)/python manage.py up

base-images: runtime ## make the images of environments in the Docker engine (PARENT=python:3.11-slim)
	@$(BIN)/python manage.py base_images $(if $(PARENT),--parent $(PARENT))

demo: setup ## start a platform of its own and show what it does
	@$(BIN)/python -m tests.acceptance.demo

data-services: setup ## start storages to connect to while developing; Ctrl-C stops them
	@exec $(BIN)/python -m tests.doubles.run

test: setup ## run all tests (ARGS="-k name" passes options to pytest)
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup $(ARGS)

golden: setup ## write the expected answers of tests anew; look at what changes
	$(BIN)/python -m pytest -q --write-golden tests/api/test_error_codes.py tests/live/test_golden_bodies.py

fuzz: setup ## try every operation against its description (EXAMPLES=100 SEED=1)
	@$(BIN)/python -m tests.fuzz.run --examples $(or $(EXAMPLES),100) $(if $(SEED),--seed $(SEED))

compat: setup ## write the table of docs/api-compat.md (ARGS=tests/api/x: for its new tests)
	$(if $(ARGS),$(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist loadgroup --record-requests $(ARGS))
	@$(BIN)/python -m tests.compat.document

faults: setup ## kill processes under load 1000 times (ROUNDS=100 SEED=1)
	@$(BIN)/python -m tests.faults.run --rounds $(or $(ROUNDS),1000) $(if $(SEED),--seed $(SEED))

soak: setup ## 50 callers of 20 algorithms for two minutes (ARGS="--seconds 20")
	@$(BIN)/python -m tests.soak.run $(ARGS)

lint: setup ## check style, types, Django, migrations and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest -q tests/test_layering.py tests/test_platform_folder.py

format: setup ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure speed against the goals and other servers (ARGS=--without-peers)
	@$(BIN)/python -m bench.run $(ARGS)

migrations: setup ## write migrations for changed models
	$(BIN)/python manage.py makemigrations

requirements: setup ## compile requirements*.in into fully pinned requirements*.txt
	$(BIN)/pip-compile --quiet --no-emit-index-url --no-emit-find-links --strip-extras --output-file requirements.txt requirements.in
	$(BIN)/pip-compile --quiet --no-emit-index-url --no-emit-find-links --strip-extras --output-file requirements-dev.txt requirements-dev.in

clean: ## remove .venv and caches; the data folder stays
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
