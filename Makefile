# make run    opens the app (makes .venv and installs first)
# make test   runs the tests (the same)
# make lint   style, types and import rules
# make bench-screen TEXT=FILE   first paint, key to paint, what the screen costs training
# CPU_TORCH=1 takes torch's small CPU-only build from pytorch.org

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
ifdef CPU_TORCH
TORCH  := $(PIP) --index-url https://download.pytorch.org/whl/cpu torch
else
TORCH  := :
endif

.PHONY: run test lint bench-screen clean

run: $(VENV)/.app
	@$(BIN)/tinygpt-tui

test: $(VENV)/.dev
	@$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-screen: $(VENV)/.dev
	@PYTHONPATH=tests/system $(BIN)/python tests/bench/screen.py $(TEXT)

$(BIN)/python:
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing tinygpt-tui (torch is large: this can take some minutes, once)"
	@$(TORCH)
	@$(PIP) -e '.[shakespeare]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing tinygpt-tui and its tools (torch is large: this can take some minutes, once)"
	@$(TORCH)
	@$(PIP) -e '.[shakespeare,dev]'
	@touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV) build dist
