# Everything a person or a machine runs here. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

# Python 3.11 or newer; another one is chosen with `make PYTHON=python3.12 …`
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	command -v $$name >/dev/null 2>&1 \
	&& $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
QUICK := not slow and not server and not browser and not office and not spark
REST := slow or server or browser or office or spark

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export MLFLOW_DISABLE_TELEMETRY := true

# compiled modules make every later start several seconds quicker
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup servers browser java demo test test-rest test-all notebooks pair-notebooks lint format types bench bench-accuracy clean

help:  ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## create .venv and install foretell from requirements.lock
	@echo "Ready: $(BIN)/foretell"

$(STAMP): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "foretell needs Python 3.11 or newer with the venv module, and none was found as python3.11 or python3." >&2; \
		echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python setup" >&2; \
		exit 1; \
	fi
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): about 130 packages, two to four minutes the first time."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

servers:  ## PostgreSQL for the tests that start a server (Debian and Ubuntu, as root; elsewhere it says why not)
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; then \
		echo "PostgreSQL is here already."; \
	elif ! command -v apt-get >/dev/null 2>&1; then \
		echo "PostgreSQL is not installed: there is no apt-get here. Tests that need it are skipped."; \
	elif [ "$$(id -u)" != 0 ]; then \
		echo "PostgreSQL is not installed: apt-get needs root. Tests that need it are skipped."; \
	else \
		apt-get update -qq && mkdir -p /etc/postgresql-common && \
		{ [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf; } && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null && \
		echo "PostgreSQL is installed."; \
	fi

browser:  ## Debian's Chromium for the tests that open the report (Debian, as root; elsewhere it says why not)
	@if command -v chromium >/dev/null 2>&1; then \
		echo "Chromium is here already."; \
	elif ! command -v apt-get >/dev/null 2>&1; then \
		echo "Chromium is not installed: there is no apt-get here. Tests that need it are skipped."; \
	elif [ "$$(id -u)" != 0 ]; then \
		echo "Chromium is not installed: apt-get needs root. Tests that need it are skipped."; \
	else \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && \
		echo "Chromium is installed."; \
	fi

java:  ## Debian's Java runtime for the tests that start Spark (Debian and Ubuntu, as root; elsewhere it says why not)
	@if command -v java >/dev/null 2>&1; then \
		echo "Java is here already."; \
	elif ! command -v apt-get >/dev/null 2>&1; then \
		echo "Java is not installed: there is no apt-get here. Tests that need Spark are skipped."; \
	elif [ "$$(id -u)" != 0 ]; then \
		echo "Java is not installed: apt-get needs root. Tests that need Spark are skipped."; \
	else \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jre-headless >/dev/null && \
		echo "Java is installed."; \
	fi

demo: $(STAMP)  ## the whole job on the CDNOW order history, into data/exports/demo
	@$(BIN)/foretell demo

test: $(STAMP)  ## the quick tests (under 4 minutes)
	@$(BIN)/python -m pytest -m "$(QUICK)"

test-rest: $(STAMP)  ## the tests that `make test` leaves out: slow, servers, browser, Spark
	@$(BIN)/python -m pytest -m "$(REST)"

test-all: $(STAMP)  ## every test
	@$(BIN)/python -m pytest

notebooks: $(STAMP)  ## run the notebooks from top to bottom (part of test-rest)
	@$(BIN)/python -m pytest tests/notebooks

pair-notebooks: $(STAMP)  ## bring notebooks/*.ipynb to their .py scripts, without outputs
	@rm -f notebooks/*.ipynb
	@$(BIN)/jupytext --quiet --to ipynb notebooks/*.py

lint: $(STAMP)  ## style, layers of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

format: $(STAMP)  ## rewrite the code in the house's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(STAMP)  ## mypy, strict, on src/
	@$(BIN)/mypy

bench: $(STAMP)  ## speed and accuracy programs of tests/bench, one after another
	@for program in tests/bench/bench_*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

bench-accuracy: $(STAMP)  ## predictions beside their peers on real histories (FORETELL_DATA), into docs/benchmarks.md
	@$(BIN)/python tests/bench/bench_accuracy.py --rolling --write --date "$$(date +%F)"

clean:  ## remove caches and builds; .venv, models and data stay
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
