# `make` alone lists the commands. Each does all its own set-up, in .venv.
PORT ?= 8501
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
# The suite starts many processes: compiled once, not by each.
unexport PYTHONDONTWRITEBYTECODE
# On both cores; what stays together is said in tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n 2 --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test test-all check bench screenshots clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */make \1	/' | expand -t 20

run: $(VENV)/.runtime ## open the app on http://127.0.0.1:8501 (PORT=... for another port)
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

test: $(VENV)/.development ## everything CI runs: core, pages, browser
	$(PYTEST)

# Counting covered lines makes the suite take nearly twice as long.
test-all: $(VENV)/.development bench ## the tests with their coverage, and the benchmarks
	$(BIN)/python -m coverage erase
	$(PYTEST) --cov --cov-report=term:skip-covered --cov-fail-under=90

check: $(VENV)/.development ## what a commit must pass: format, lint, types, import rules, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) -m "not slow and not browser"

bench: $(VENV)/.development .venv-bench/.ready ## speed, as ratios in one run
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.cohort
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.first_epoch
	.venv-bench/bin/python -m benchmarks.grud

screenshots: $(VENV)/.development ## make the README's pictures anew from the running app
	$(BIN)/python docs/screenshots.py

clean: ## remove the virtual environment and all caches
	rm -rf $(VENV) .venv-bench .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache .coverage*

# torch first and by itself: with it in place no other package asks for a CUDA build.
$(VENV)/.runtime: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' requirements.txt)"
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

# PyPOTS brings many packages: it stays out of the environment that the app and the tests use.
.venv-bench/.ready: requirements.txt requirements-bench.txt
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet "$$(grep '^torch==' requirements-bench.txt)"
	.venv-bench/bin/python -m pip install --quiet -r requirements.txt -r requirements-bench.txt
	touch $@
