# make run    opens the app (makes .venv and installs first)
# make test   runs the tests (the same), two files at a time
# make lint   style, types and import rules
# make bench  measures it on this machine, some 40 minutes, with nothing else running
#             (ONLY=screen: one file of tests/bench; TEXT=FILE: another text; LONG=1: ten-minute
#             runs, too; NANOGPT=FOLDER: beside a copy of nanoGPT)
# make soak   hours of it: a prompt a minute, 1,000 kills, 10 million steps, nothing else running
#             (ONLY=hours, kills or metrics; MINUTES=180; WARM_UP=30; KILLS=1000; STEPS=10000000)
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

.PHONY: run test lint bench soak clean

run: $(VENV)/.app
	@$(BIN)/tinygpt-tui

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	@TEXT=$(TEXT) LONG=$(LONG) NANOGPT=$(NANOGPT) $(BIN)/python -m pytest tests/bench/bench_$(or $(ONLY),*).py \
	  -o python_files='bench_*.py' -o pythonpath=tests/system -o timeout=0 -s --benchmark-disable-gc -q

soak: $(VENV)/.dev
	@TEXT=$(TEXT) MINUTES=$(MINUTES) WARM_UP=$(WARM_UP) KILLS=$(KILLS) STEPS=$(STEPS) \
	  $(BIN)/python -m pytest tests/soak/soak_$(or $(ONLY),*).py -o python_files='soak_*.py' \
	  -o pythonpath='tests/system tests/engine tests/tui' -o timeout=0 -s -q

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
