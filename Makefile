# Two commands: `make demo` runs the quick benchmark and prints its tables, `make test` runs the tests.
# Both make their own environment in .venv and go on where an earlier call stopped.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread a worker: two OpenMP threads on two busy cores were seen ten times slower than one.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo test check pytest clean

demo: $(VENV)/installed
	$(BIN)/recbench run quick

test: check pytest

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pytest: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto --dist loadgroup

clean:
	rm -rf $(VENV) runs

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("recbench needs Python 3.11 or newer; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/installed
