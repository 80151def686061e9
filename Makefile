# One command each; every command makes the virtual environment .venv by itself when it has to.

PYTHON  ?= python3
PROFILE ?= lecture
NAME    ?=

PYTHON_NEEDED := 3.11
PROFILES      := quick lecture full
BIN           := .venv/bin
INSTALL       := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
NOTEBOOKS     := $(wildcard notebooks/*.ipynb)

# Times are of one core: a BLAS that takes the other core too would race with the sample beside it.
OPENBLAS_NUM_THREADS ?= 1
OMP_NUM_THREADS      ?= 1
MKL_NUM_THREADS      ?= 1
export OPENBLAS_NUM_THREADS OMP_NUM_THREADS MKL_NUM_THREADS

# Tests and experiments start hundreds of processes; without compiled files each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

empty :=
comma := ,
ifneq ($(words $(PROFILE)):$(filter-out $(PROFILES),$(PROFILE)),1:$(empty))
$(error there is no profile "$(PROFILE)". Write PROFILE=quick, PROFILE=lecture (the default) or PROFILE=full)
endif

.DEFAULT_GOAL := help
.PHONY: help install install-peers install-browser experiments figures test check notebooks lab clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  PROFILE=quick|lecture|full   how much is measured (default lecture)"
	@echo "  NAME=step_size               one experiment, or several, instead of all"
	@echo "  PYTHON=python3.12            the Python that .venv is made with"

install: .venv/installed  ## make .venv and install diffbench into it

install-peers: .venv/peers-installed  ## add the libraries to compare with: JAX, PyTorch, CasADi, ... (about 2 GB)

install-browser: .venv/browser-installed  ## add Playwright, for the tests of the walk-through page in Chromium

experiments: install  ## measure every experiment and draw its figures into results/
	$(BIN)/diffbench run $(NAME) --profile $(PROFILE)

figures: install  ## draw the figures again from what is already measured
	$(BIN)/diffbench figures $(NAME)

test: install  ## run all tests, every experiment once (quick profile), and the notebooks
	$(BIN)/python -m pytest -n 2 --dist worksteal --nbmake tests diffbench $(NOTEBOOKS)

check: install  ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebooks: install  ## execute every notebook from top to bottom
	$(BIN)/python -m pytest -n 2 --nbmake $(NOTEBOOKS)

lab: .venv/lab-installed  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

clean:  ## remove .venv and all caches; results/ stays, it took long to measure
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/installed: $(BIN)/pip pyproject.toml constraints.txt
	@echo "Installing diffbench and what it needs into .venv: a minute or two, this time only."
	$(INSTALL) --editable '.[test]'
	@touch $@

.venv/peers-installed: .venv/installed
	@echo "Installing autograd, CasADi, JAX, MyGrad, numdifftools, SymEngine and PyTorch into .venv: some minutes, once."
	$(INSTALL) --editable '.[peers]'
	@touch $@

.venv/browser-installed: .venv/installed
	$(INSTALL) --editable '.[browser]'
	@touch $@

.venv/lab-installed: .venv/installed
	@echo "Installing JupyterLab into .venv: a minute, this time only."
	$(INSTALL) --editable '.[notebooks]'
	@touch $@

refuse = { echo "make: $(1)" >&2; exit 1; }

# pip comes last into a new environment: where it is, making .venv was not interrupted.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || $(call refuse,there is no $(PYTHON) on this machine. \
	    Install Python $(PYTHON_NEEDED) or newer (Debian: apt-get install python3 python3-venv) or name yours: make PYTHON=/path/to/python3)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < ($(subst .,$(comma),$(PYTHON_NEEDED))))' \
	    || $(call refuse,$(PYTHON) is $$($(PYTHON) --version 2>&1) but diffbench needs $(PYTHON_NEEDED) or newer. \
	    Install one (Debian: apt-get install python$(PYTHON_NEEDED) python$(PYTHON_NEEDED)-venv) and name it: make PYTHON=python$(PYTHON_NEEDED))
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(call refuse,$(PYTHON) has no venv or ensurepip and so cannot make a virtual environment. \
	    Install them (Debian: apt-get install $(notdir $(PYTHON))-venv) and run make again)
	$(PYTHON) -m venv --clear .venv
