# Everything runs from .venv, which the first command that needs it makes. An interrupted set-up
# leaves no stamp, and a .venv without a stamp is made anew.

VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
PROFILE ?= quick
# Tests run side by side, on one thread each: two processes with two threads on two cores get in
# each other's way.
WORKERS ?= 2
LESSONS ?= $(wildcard notebooks/*.ipynb)
TORCH   ?= $(shell sed -n 's/^torch==//p' requirements.lock)

# A pyenv shim can exist and refuse to run, and Debian's python3 can lack ensurepip: so each
# candidate is tried, not just looked up.
FITS    := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
             "$$p" -c '$(FITS)' >/dev/null 2>&1 && { command -v "$$p"; break; }; done)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup lab test check course notebooks lock clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
	  printf 'make %-8s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## make .venv from requirements.lock (the commands below do this by themselves)

lab: $(STAMP) ## open the first lesson in JupyterLab (LAB_FLAGS=... for more flags)
	$(BIN)/python -m jupyterlab $(LAB_FLAGS) notebooks/00_start_here.ipynb

test: check ## run the checks, then every test (TEST_FLAGS=... for more flags, WORKERS=2 side by side)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadgroup $(TEST_FLAGS)

check: $(STAMP) ## what pre-commit runs: ruff, mypy and the notebook normaliser
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy deblurlib
	$(BIN)/python -m deblurlib.course.notebooks normalise --check

course: $(STAMP) ## run every lesson in order into build/course (PROFILE=full for the real thing, START=05 to go on there)
	$(BIN)/python -m deblurlib.course.notebooks run --profile $(PROFILE) --out build/course$(if $(START), --start-at $(START))

notebooks: $(STAMP) ## run the lessons in place and normalise them, after editing (LESSONS=... for some of them)
	$(BIN)/python -m deblurlib.course.notebooks refresh $(LESSONS)

lock: ## resolve pyproject.toml's bounds anew into requirements.lock (TORCH=2.x.y to change torch)
	@python3.11 -c '$(FITS)' || { echo "make lock needs Python 3.11, the oldest supported:" \
	  "what resolves there installs on 3.12 and 3.13 too." >&2; exit 1; }
	rm -rf build/lock
	python3.11 -m venv build/lock
	@echo "Resolving into build/lock (takes minutes) ..."
	build/lock/bin/python -m pip install -qq "torch==$(TORCH)"
	build/lock/bin/python -m pip install -qq "torch==$(TORCH)" -e ".[export,test]"
	build/lock/bin/python -m pip freeze --all --exclude pip --exclude-editable > build/lock/frozen
	build/lock/bin/python -m pip install -qq aiohttp  # papermill wants it, on Python 3.12 only
	build/lock/bin/python -m pip freeze --all --exclude pip --exclude-editable \
	  | grep -vxFf build/lock/frozen | sed 's/$$/ ; python_version == "3.12"/' > build/lock/frozen312
	@{ echo "# Exact versions of everything, for Python 3.11 to 3.13. Written by 'make lock': a fresh"; \
	  echo "# environment on Python 3.11, torch first, then pyproject.toml's bounds, then pip freeze."; \
	  echo "# What torch's own build needs (CUDA libraries) is left to torch's metadata."; \
	  grep -Ev '^(nvidia-|cuda-|triton)' build/lock/frozen | sed 's/+[A-Za-z0-9.]*$$//'; \
	  cat build/lock/frozen312; \
	} > build/lock/requirements.lock
	mv build/lock/requirements.lock requirements.lock
	rm -rf build/lock deblurlib.egg-info

clean: ## remove .venv, build/ and the tools' caches
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache

$(STAMP): requirements.lock pyproject.toml
	@"$(PYTHON)" -c '$(FITS)' 2>/dev/null || { echo "No Python from 3.11 to 3.13 with venv found:" \
	  "install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -f $@ && $(BIN)/python -c '$(FITS)' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	@rm -f $@
	@echo "Installing torch $(TORCH) into $(VENV) with $$($(BIN)/python -V) (1 of 3, takes minutes) ..."
	@$(BIN)/python -m pip install -qq "$$(grep '^torch==' requirements.lock)"
	@echo "Installing the other packages of requirements.lock (2 of 3, takes minutes) ..."
	@$(BIN)/python -m pip install -qq -r requirements.lock
	@echo "Installing deblurlib (3 of 3) ..."
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@rm -rf deblurlib.egg-info  # it would go stale and still be read before the installed metadata
	@touch $@
