# Everything a checkout needs. `make` lists it. Works with GNU make 3.81 and newer; needs a shell and Python >= 3.11.

VENV = .venv
BIN = $(VENV)/bin
ARGS =
WORKERS = 2
# One more than cores: many tests wait for a terminal or a process.
TESTERS = 3
KILLS = 1000

.PHONY: help install dev demo run test lint format docs bench soak campaign coverage clean

help:
	@echo 'make demo       install, then open polotui on its built-in exchange: no keys, no network'
	@echo 'make run        install, then open polotui on Poloniex (ARGS="--symbol ETH_USDT")'
	@echo 'make install    make $(VENV) and install polotui into it'
	@echo 'make test       install what tests need, then lint the imports and run all tests'
	@echo 'make lint       ruff, formatting, types'
	@echo 'make format     let ruff put the formatting right'
	@echo 'make docs       write docs/cli.md, docs/configuration.md and .env.example from the code'
	@echo 'make bench      measure speed (ARGS are passed on)'
	@echo 'make soak       fifty bots on a busy market for twenty minutes (ARGS="5": for five)'
	@echo 'make campaign   the long fault campaigns: market, trading, deaths, SIGKILL (ARGS are passed on to the first two)'
	@echo 'make coverage   run all tests and say which lines they miss'
	@echo 'make clean      remove $(VENV) and what was built'

install: $(VENV)/installed
	@echo 'Installed: $(BIN)/polotui'

dev: $(VENV)/installed-dev
	@:

demo: $(VENV)/installed
	@$(BIN)/polotui demo $(ARGS)

run: $(VENV)/installed
	@$(BIN)/polotui $(ARGS)

test: dev
	@if grep -q 'tool.importlinter' pyproject.toml || test -f .importlinter; then $(BIN)/lint-imports --no-cache; fi
	$(BIN)/python -m pytest -n $(TESTERS) $(ARGS)

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: dev
	$(BIN)/python docs/generate.py

bench: dev
	$(BIN)/python -m benchmarks $(ARGS)

soak: dev
	$(BIN)/python -m benchmarks.soak $(ARGS)

campaign: dev
	$(BIN)/python -m tests.campaign $(ARGS)
	$(BIN)/python -m tests.campaign.trading $(ARGS)
	$(BIN)/python -m tests.campaign.trading.crash
	$(BIN)/python -m tests.campaign.trading.defects
	$(BIN)/python -m tests.campaign.kills --kills $(KILLS) --homes $(WORKERS)

# Line coverage of everything below the faces. The campaign runs the same lines for hours and is left out for time.
coverage: dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 0 --ignore tests/tui --ignore tests/campaign $(ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --show-missing --fail-under 85 --omit 'polotui/tui/*,polotui/cli/*'

clean:
	rm -rf $(VENV) dist build .coverage .coverage.* .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find polotui tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# An ordinary prerequisite of the stamps: a new interpreter means a new installation.
# The newest Python that works; a name on the path alone proves nothing (version managers put names there, too).
$(BIN)/python:
	@found=; for name in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$name; break; fi; \
	done; \
	if test -z "$$found"; then \
	  echo 'polotui needs Python 3.11 or newer, and none was found.'; \
	  echo 'Debian, Ubuntu: sudo apt install python3 python3-venv   macOS: brew install python@3.13'; \
	  echo 'Or name one: make install PYTHON=/path/to/python3'; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	  echo "$$found cannot make virtual environments: its venv module is missing."; \
	  echo 'Debian, Ubuntu: sudo apt install python3-venv'; exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed: pyproject.toml constraints.txt $(BIN)/python
	@echo 'Installing polotui into $(VENV)'
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@$(BIN)/python -m compileall -q -q polotui $(VENV)/lib || true
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt $(BIN)/python
	@echo 'Installing polotui and what its tests need into $(VENV)'
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,peers]'
	@$(BIN)/python -m compileall -q -q polotui $(VENV)/lib || true
	@touch $@ $(VENV)/installed
