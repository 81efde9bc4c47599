# One command per wish. `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON_HERE := .venv/bin/python

.PHONY: help run stack setup models test check fmt bench lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

run: setup ## set everything up, start the stack and talk with Priya (Ctrl-C ends all)
	@exec $(PYTHON_HERE) -m deploy.talk --end-with-parent

stack: setup ## the same without the conversation; stops on SIGTERM or Ctrl-C
	@exec $(PYTHON_HERE) -m deploy.stack --end-with-parent

setup: ## virtual environment and packages, only if they changed
	@exec sh deploy/setup.sh

models: setup ## download the starter models into PRIYA_HOME, only if they are missing
	@exec $(PYTHON_HERE) -m workers.models pull starter

test: setup ## set up, then run every test (ARGS="-k name" for some)
	@$(PYTHON_HERE) -m workers.models pull starter whisper-tiny.en
	@exec $(PYTHON_HERE) -m pytest $(ARGS)

check: setup ## format, lint, types, house rules
	@$(PYTHON_HERE) -m ruff format --check .
	@$(PYTHON_HERE) -m ruff check .
	@$(PYTHON_HERE) -m mypy
	@$(PYTHON_HERE) -m pytest -q tests/house

fmt: setup ## format, and mend what the linter can mend
	@$(PYTHON_HERE) -m ruff format .
	@$(PYTHON_HERE) -m ruff check --fix .

bench: setup ## measure spoken and typed turns against the running stack (`make stack` in another terminal)
	@exec $(PYTHON_HERE) -m tests.bench $(ARGS)

lock: setup ## pin anew what requirements/*.in ask for (UPGRADE=1 takes the newest)
	@exec sh deploy/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## remove the virtual environment and caches; PRIYA_HOME (models, data) stays
	@rm -rf .venv .setup .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
