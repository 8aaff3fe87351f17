# The commands a person types. `make run` and `make test` need Python 3.11 or later and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv where it can be had, else pip; both install exactly what the lock names.
INSTALL = if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python $(1); else $(BIN)/pip install -q $(1); fi
export TEST_ARGS ?=
TEST_WORKERS ?= 2
# torch is pinned here alone and installed by pip. Another build of it, for example for one CUDA version:
#   make training TORCH_INDEX="--index-url https://download.pytorch.org/whl/cu128"
TORCH := torch==2.13.0
TORCH_INDEX ?=

.PHONY: run test training lint lock lock-training bench clean help

help: ## what can be typed
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

run: $(VENV)/.run ## research 2018-2022 economics on the shipped archive, without key or network
	$(BIN)/agents run --period 2018-2022 --domains economics

test: $(VENV)/.dev $(VENV)/.training ## every test, on SQLite and Postgres
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile $(TEST_ARGS)

training: $(VENV)/.training ## what tuning and forecasting need, torch included (TORCH_INDEX names another index)

lint: $(VENV)/.dev ## formatting, rules, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(VENV)/.uv ## pin the newest versions that fit; torch is never in these locks (see docs/install.md)
	$(BIN)/uv pip compile -q --universal --generate-hashes --upgrade pyproject.toml --extra agents --extra postgres -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes pyproject.toml --extra agents --extra postgres --extra dev -c requirements.lock -o requirements-dev.lock

# The training extra without torch and what only torch brings: CUDA's packages are some two gigabytes, and which
# of them are right depends on the torch build that is installed.
COMPILE_TRAINING := $(BIN)/uv pip compile -q --universal --generate-hashes pyproject.toml --extra training -c requirements.lock -c $(VENV)/torch.txt
lock-training: $(VENV)/.uv
	echo $(TORCH) > $(VENV)/torch.txt
	$(COMPILE_TRAINING) --no-annotate -o $(VENV)/whole.lock
	$(COMPILE_TRAINING) -o requirements-training.lock \
		$$(grep -oE '^(torch|triton|cuda-[a-z0-9-]+|nvidia-[a-z0-9-]+)' $(VENV)/whole.lock | sed 's/^/--no-emit-package /')

clean: ## remove what was built here; stores and archives of users lie elsewhere
	rm -rf $(VENV) build dist artefacts .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; $(PYTHON) is older. Name another one: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q uv 2>/dev/null || echo "uv cannot be had here; pip does it, more slowly."
	@touch $@

$(VENV)/.run: $(VENV)/.uv requirements.lock pyproject.toml
	@echo "Installing what requirements.lock names …"
	@$(call INSTALL,-r requirements.lock)
	@$(call INSTALL,--no-deps -e .)
	@$(BIN)/python -m compileall -q agents corpus db evaluation
	@touch $@

$(VENV)/.dev: $(VENV)/.uv requirements-dev.lock pyproject.toml
	@echo "Installing what requirements-dev.lock names …"
	@$(call INSTALL,-r requirements-dev.lock)
	@$(call INSTALL,--no-deps -e .)
	@touch $@ $(VENV)/.run

$(VENV)/.training: $(VENV)/.run requirements-training.lock
	@echo "Installing $(TORCH) and what requirements-training.lock names …"
	@$(BIN)/pip install -q $(TORCH) $(TORCH_INDEX)
	@$(call INSTALL,--no-deps -r requirements-training.lock)
	@touch $@
