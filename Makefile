# make demo   set up and show what zoo does        make test   set up and run the whole suite
# make lint   ruff and mypy                        make lock   choose and lock the newest versions
# make gallery  write the web site to site/        make coverage  branches of what handles bytes
# make clean  remove what the others made

VENV   ?= .venv
PYTHON ?= $(shell for one in python3.11 python3.12 python3.10 python3; do \
	command -v $$one && break; done)
BIN    := $(VENV)/bin
LOCK   := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.10 \
	--generate-hashes --no-header --no-annotate --upgrade --quiet

APT_GET := [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && apt-get install -qy

# MXNet's wheel lacks two libraries that Debian and Ubuntu have as packages
MXNET_LOADS := $(BIN)/python -c 'import importlib.util as i; i.find_spec("mxnet") and __import__("zoo._mxnet")'
SYSTEM_LIBRARIES := { $(APT_GET) libgomp1 libquadmath0; }

COVERED := addresses atomic cache confined downloading fetching hubs importing last_seen manifest \
	params partial publish signatures sources strict_json unwrapping

.PHONY: demo test gallery lint coverage lock clean

demo: $(VENV)/.runtime
	$(BIN)/zoo demo

# Trainings take both cores: the tests that train are one group, which one worker runs.
test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup $(ARGS)

gallery: $(VENV)/.dev docs/gallery/node_modules
	$(BIN)/zoo gallery --out site

docs/gallery/node_modules: docs/gallery/package-lock.json
	@command -v npm >/dev/null || { $(APT_GET) npm; } || \
		{ echo "No npm: install Node.js, on Debian and Ubuntu apt-get install npm"; exit 1; }
	cd docs/gallery && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

coverage: $(VENV)/.dev
	$(BIN)/python -m coverage run -m pytest -q tests/faults tests/publishing tests/sharing \
		$(COVERED:%=tests/test_%.py)
	$(BIN)/python -m coverage report

lock: $(VENV)/.dev
	$(BIN)/pip install --quiet uv
	$(LOCK) --group build --output-file requirements/runtime.txt
	$(LOCK) --group build --group dev --extra gallery --extra gluoncv --extra hub --extra ray \
		--extra signing --extra tensorboard --extra train --override requirements/gluoncv.override \
		--output-file requirements/dev.txt
	$(LOCK) --group build --group dev --extra gallery --extra hub --extra signing \
		--override requirements/without-mxnet.override \
		--output-file requirements/without-mxnet.txt

clean:
	rm -rf $(VENV) docs/gallery/node_modules site .coverage .mypy_cache .pytest_cache .ruff_cache \
		.hypothesis build dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
		{ echo "zoo needs Python 3.10 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(APT_GET) $(notdir $(PYTHON))-venv; } || true
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "No virtual environment: apt-get install $(notdir $(PYTHON))-venv"; exit 1; }

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(MXNET_LOADS) 2>/dev/null || $(SYSTEM_LIBRARIES) || true
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(MXNET_LOADS) 2>/dev/null || $(SYSTEM_LIBRARIES) || true
	@$(MXNET_LOADS) 2>&1 | tail -n 1
	@$(MXNET_LOADS) 2>/dev/null
	@touch $@ $(VENV)/.runtime
