# Everything works on a machine that has Python >= 3.11, make and a package index.
# Other interpreter: make test PYTHON=/path/to/python3.13

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
JSON := build/benchmarks.json
BIN := $(VENV)/bin

# pyright runs on the Node that comes as a wheel; it shall not ask the index for a newer self.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help install demo test system check gallery chaos fuzz mutants interop bench plots goldens clean

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/installed-dev  ## Make .venv with everything that tests and checks need

demo: $(VENV)/installed-demo  ## Open the whole path here: no Slack account, no Redis
	@$(BIN)/signoff demo

test: system install  ## Run all tests (installs chromium and redis-server with apt-get where it may)
	$(BIN)/python -m pytest

check: install  ## Lint, format, types, structure
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing examples benchmarks
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -q tests/structure

gallery: install  ## Draw every state of the card into gallery/
	@.ci/system pictures
	$(BIN)/python examples/gallery.py

chaos: system install  ## Kill processes at random for a minute, and look whether the promises hold
	$(BIN)/python -m pytest tests/chaos

fuzz: system install  ## Draw new examples for all property tests, thousands of each
	SIGNOFF_HYPOTHESIS=fuzz $(BIN)/python -m pytest $$(grep -rlE '^from hypothesis' tests --include='test_*.py')

mutants: system install  ## Break the safety code in a copy, one place at a time: tests must turn red
	$(BIN)/python -m tests.mutants

interop: install  ## Run JavaScript Bolt from npm against the sandbox; compare with Slack's own types
	$(BIN)/python -m pytest tests/interop

bench: system install  ## Measure what the gate costs against a raw floor; under ten minutes, on a quiet machine
	$(BIN)/python -m benchmarks

plots: $(VENV)/installed-plots  ## Draw what `make bench` has measured of growth into docs/pictures
	$(BIN)/python -m benchmarks.plots --json $(JSON)

goldens: install  ## Write the golden files and generated docs anew; read the difference before you keep it
	SIGNOFF_UPDATE_GOLDENS=1 $(BIN)/python -m pytest -q tests/bot/slack tests/bot/test_manifest.py tests/structure

system:
	@.ci/system

clean:  ## Remove everything that make made
	rm -rf $(VENV) build dist gallery .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Two stamps, so that the demonstration does not wait for linters and type checkers.
$(VENV)/installed-demo: constraints.txt pyproject.toml | $(VENV)/bin/pip
	$(call pip_install,embedded)
	@touch $@

$(VENV)/installed-dev: constraints.txt pyproject.toml | $(VENV)/bin/pip
	$(call pip_install,embedded$(comma)dev)
	@touch $@ $(VENV)/installed-demo

$(VENV)/installed-plots: $(VENV)/installed-dev
	$(call pip_install,embedded$(comma)dev$(comma)plots)
	@touch $@

$(VENV)/bin/pip:
	@PYTHON="$(PYTHON)" .ci/venv $(VENV)

comma := ,

# Both names: pip before 25.3 builds by the first, later ones by the second.
define pip_install
	@echo "installing into $(VENV) ($(1))"
	@PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
		$(BIN)/python -m pip install -qq --disable-pip-version-check -e ".[$(1)]"
endef
