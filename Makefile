# Ladepunkt. `make` alone lists what there is. Works with GNU make 3.81 (macOS) and newer.

PYTHON3 ?= python3
VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup run flash configure doctor test test-long sim replay mutants bench budget tidy coverage test-setup clean soak fleet mutation compare

help: ## list the targets
	@echo "make TARGET, where TARGET is"
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## create .venv with the pinned requirements (fast when it is there)
	@$(PYTHON3) tools/setup.py

run: ## the wallbox on your desk; options in ARGS, for example make run ARGS="--headless --seconds 60"
	@$(PYTHON3) tools/setup.py --quiet
	@$(VENV_PYTHON) -m tools.desk $(ARGS)

flash: ## Ladepunkt onto a board: BOARD=waveshare_s3_relay_6ch [PORT=/dev/ttyUSB0] [ARGS="--image esp32.bin"]
	@$(PYTHON3) tools/setup.py --quiet
	@$(VENV_PYTHON) -m tools.flash $(if $(BOARD),--board $(BOARD)) $(if $(PORT),--port $(PORT)) $(ARGS)

configure: ## the configuration of a box at USB: [PORT=/dev/ttyUSB0] [ARGS="--config FILE"]
	@$(PYTHON3) tools/setup.py --quiet
	@$(VENV_PYTHON) -m tools.flash --only-config $(if $(PORT),--port $(PORT)) $(ARGS)

doctor: ## what is wrong with a box, and what to do: PORT=/dev/ttyUSB0 at USB, or HOST=... [MQTT_PORT= MODBUS_PORT= HTTP_PORT=]
	@$(PYTHON3) tools/setup.py --quiet
	@$(VENV_PYTHON) -m tools.doctor $(if $(PORT),--port $(PORT)) $(if $(HOST),--host $(HOST)) $(if $(MQTT_PORT),--mqtt-port $(MQTT_PORT)) \
		$(if $(MODBUS_PORT),--modbus-port $(MODBUS_PORT)) $(if $(HTTP_PORT),--http-port $(HTTP_PORT)) $(ARGS)

# --- tests -------------------------------------------------------------------------------------------------------------

MINUTES ?= 10
PYTEST := $(VENV_PYTHON) -m pytest
TWO_AT_A_TIME := -n 2 --dist loadfile
COVERAGE := --cov=firmware --cov-branch --cov-report=

test: test-setup ## what must pass before every commit; 5 to 7 minutes on two cores
	@$(VENV_PYTHON) -m tools.lanes test

test-long: ## what takes its time, and larger numbers; MINUTES=10 is about how long
	@$(PYTHON3) tools/setup.py --quiet --with-system --with-pypy
	@$(VENV_PYTHON) -m tools.lanes long --minutes $(MINUTES)

SEEDS ?= 1-20
HOURS ?= 0.25

sim: ## seeded lives, checked after every step: make sim SEEDS=1-200 HOURS=1; TRACE=FILE plays a broken one again
	@$(PYTHON3) tools/setup.py --quiet --with-pypy
	@$(VENV_PYTHON) -m tools.sim $(if $(TRACE),--trace $(TRACE),--seeds $(SEEDS) --hours $(HOURS)) $(ARGS)

replay: test-setup ## live a recording again and compare every decision: make replay FILE=FILE, recorded by make run ARGS="--record FILE"
	@$(VENV_PYTHON) -m tools.replay $(FILE) $(ARGS)

soak: test-setup ## the firmware on a small heap while everything around it is killed; MINUTES=10 is how long, ARGS="--seed 2"
	@$(VENV_PYTHON) -m tools.soak --minutes $(MINUTES) $(ARGS)

mutation: test-setup ## small changes to the firmware that the unit tests must notice; ARGS="safety" for one module, ARGS="--sample 12"
	@$(VENV_PYTHON) -m tools.mutation $(ARGS)

N ?= 20

fleet: test-setup ## N gateways on one Mosquitto: what each costs the broker; ARGS="--write" puts it into docs/fleet.md
	@$(VENV_PYTHON) -m tools.fleet $(N) $(ARGS)

compare: test-setup ## the same job done with stock packages and on CPython, side by side, 3 minutes; ARGS="--write" puts it into docs/benchmarks.md
	@$(VENV_PYTHON) -m tools.compare $(ARGS)

mutants: test-setup ## firmwares with one fault each: the invariant that must catch it does; ARGS="cut_off" for those of one
	@$(VENV_PYTHON) -m host_tests.sim.mutants $(ARGS)

bench: test-setup ## print the numbers, one JSON object per line; ARGS="--check" gates them, ARGS="--store" remembers them
	@$(VENV_PYTHON) -m tools.bench $(ARGS)

budget: test-setup ## .mpy bytes of each module, live heap, bytes and operations of a step; ARGS="--store" remembers them
	@$(VENV_PYTHON) -m tools.budget $(ARGS)

tidy: test-setup ## check the rules of the code
	@$(VENV_PYTHON) -m tools.tidy

coverage: test-setup ## branch coverage of the firmware by the unit tests, with the lines that are missing
	@$(PYTEST) -q -m "not long" $(TWO_AT_A_TIME) $(COVERAGE) host_tests/unit
	@$(VENV_PYTHON) -m coverage report --show-missing --skip-covered

test-setup:
	@$(PYTHON3) tools/setup.py --quiet --with-system

# --- tidying up -------------------------------------------------------------------------------------------------------

clean: ## remove .venv, build and caches
	rm -rf .venv build .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
