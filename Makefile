# Ladepunkt. `make` alone lists what there is. Works with GNU make 3.81 (macOS) and newer.

PYTHON3 ?= python3
VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup run clean

help: ## list the targets
	@echo "make TARGET, where TARGET is"
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## create .venv with the pinned requirements (fast when it is there)
	@$(PYTHON3) tools/setup.py

run: ## the wallbox on your desk; options in ARGS, for example make run ARGS="--headless --seconds 60"
	@$(PYTHON3) tools/setup.py --quiet
	@$(VENV_PYTHON) -m tools.desk $(ARGS)

# --- tests: their targets go here -------------------------------------------------------------------------------------


# --- tidying up -------------------------------------------------------------------------------------------------------

clean: ## remove .venv, build and caches
	rm -rf .venv build .pytest_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
