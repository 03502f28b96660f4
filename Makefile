# make install, demo, submission, test, test-slow, lint. Needs python3 (3.11 to 3.13) with pip and venv.

PYTHON ?= python3
# Handed to the experiment: make demo OPTIONS="--preset smoke"
OPTIONS ?=

BIN := .venv/bin
# Most tests use one thread, so two files at a time, in the order of tests/conftest.py; slow ones
# wait for processes too.
FILES := --dist loadfile --no-loadscope-reorder
# --no-build-isolation: the build backend comes from the pins too, so nothing else is downloaded.
SELF := $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .

.PHONY: install demo submission test test-slow lint
.DELETE_ON_ERROR:

install: .venv/installed

demo: .venv/installed
	$(BIN)/python experiments/search_augment.py $(OPTIONS)

# The whole path in miniature: a policy, two models on five folds, their stack, submission.csv. Its
# run has a folder of its own, so that what `make demo` found stays.
MINIATURE := --preset smoke --run miniature

submission: .venv/installed
	$(BIN)/python experiments/search_augment.py $(MINIATURE) --pipelines complete partial $(OPTIONS)
	$(BIN)/python experiments/build_ensemble.py $(MINIATURE) --recipe tuned $(OPTIONS)

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 $(FILES)

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -m slow -n 3 $(FILES)

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The stamps are newer than what they were installed from; changed pins install again.
.venv/installed: requirements.txt pyproject.toml | $(BIN)/pip
	@echo "Installing the pinned packages into .venv ..."
	$(BIN)/python -m pip install --quiet --compile --require-hashes -r requirements.txt
	$(SELF)
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@echo "Installing the development packages into .venv ..."
	$(BIN)/python -m pip install --quiet --compile --require-hashes -r requirements-dev.txt
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11 to 3.13 is needed; choose one with make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
