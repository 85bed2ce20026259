# make run      open the app (creates .venv and installs first)
# make test     run the tests, two files at a time
# make thorough run the tests that take minutes: random scenarios, kills, hostile text everywhere
# make interop  compare exports in the programs that read them (installs transformers and others)
# make lint     check style, types and import rules
# make picture  record the moving picture of the README from a real run
# make bench    benchmark on this machine: about 40 minutes, with nothing else running
#               (ONLY=screen: one file of tests/bench; TEXT=FILE: another text; LONG=1: also runs
#               of ten minutes; NANOGPT=FOLDER: compare with a copy of nanoGPT)
# make soak     hours of load: a prompt a minute, 1,000 kills, 10 million steps, nothing else running
#               (ONLY=hours, kills or metrics; MINUTES=180; WARM_UP=30; KILLS=1000; STEPS=10000000)
# CPU_TORCH=1 installs the small CPU-only build of torch from pytorch.org

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
ifdef CPU_TORCH
TORCH  := $(PIP) --index-url https://download.pytorch.org/whl/cpu torch
else
TORCH  := :
endif

.PHONY: run test thorough interop lint picture bench soak clean

run: $(VENV)/.app $(VENV)/.text
	@$(BIN)/tinygpt-tui

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/interop -m "not thorough"

thorough: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/interop -m thorough

interop: $(VENV)/.interop
	@$(BIN)/python -m pytest tests/interop

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

picture: $(VENV)/.dev
	@$(BIN)/python docs/picture.py

bench: $(VENV)/.dev
	@TEXT=$(TEXT) LONG=$(LONG) NANOGPT=$(NANOGPT) $(BIN)/python -m pytest tests/bench/bench_$(or $(ONLY),*).py \
	  -o python_files='bench_*.py' -o timeout=0 -s --benchmark-disable-gc -q

soak: $(VENV)/.dev
	@TEXT=$(TEXT) MINUTES=$(MINUTES) WARM_UP=$(WARM_UP) KILLS=$(KILLS) STEPS=$(STEPS) \
	  $(BIN)/python -m pytest tests/soak/soak_$(or $(ONLY),*).py -o python_files='soak_*.py' \
	  -o timeout=0 -s -q

$(BIN)/python:
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing tinygpt-tui (torch is large: this can take some minutes, once)"
	@$(TORCH)
	@$(PIP) -e .
	@touch $@

# Without a network the app opens on tales, which come with it, and says how to get Shakespeare.
$(VENV)/.text: | $(VENV)/.app
	@$(BIN)/tinygpt-tui texts get tinyshakespeare --yes || true
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing tinygpt-tui and its tools (torch is large: this can take some minutes, once)"
	@$(TORCH)
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.app

$(VENV)/.interop: pyproject.toml constraints.txt | $(VENV)/.dev
	@$(PIP) -e '.[dev,interop]'
	@touch $@

clean:
	rm -rf $(VENV) build dist
