# Everything runs in .venv: Python packages from PyPI, Node.js among them, and the CDK CLI from npm.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DATA INPUT KEEP
# The lesson's data, if it lies beside the checkout.
export CREDITCARD_DATA ?= $(wildcard $(CURDIR)/../shared/data/creditcardfraud.zip)
export CSV OUT PROJECT INSTANCE_TYPE

.DEFAULT_GOAL := help
.PHONY: help setup demo stop predict faults billing notebooks bench-model docs browser test check lint clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1 \t/' | expand -t 18

setup: .venv/ready ## install everything into .venv and node_modules (some minutes, once)

.venv/ready: requirements.txt requirements-dev.txt constraints.txt package.json package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up .venv and node_modules: about three minutes, once."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -r requirements-dev.txt -c constraints.txt
	$(BIN)/npm ci --no-audit --no-fund
	ln -sf ../../node_modules/.bin/cdk $(BIN)/cdk
	@touch $@

demo: setup ## deploy, run and destroy it all on this machine (DATA=file.csv|file.zip|lesson, INPUT='{…}', KEEP=1)
	@$(BIN)/python -m demo

stop: setup ## end a local cloud that KEEP=1 left up
	@$(BIN)/python -m demo stop

predict: setup ## score a CSV file by the current model (CSV=file.csv, OUT=file.csv, PROJECT=…, INSTANCE_TYPE=ml.…)
	@$(BIN)/python -m predict

billing: setup ## what bills now in the account that the AWS variables point at
	@$(BIN)/python -m billing

faults: setup ## let everything fail that can, on this machine, and count what is left
	@$(BIN)/python -m faults

notebooks: setup ## run the lesson's notebooks in a space of Studio's on this machine (DATA=file.csv|file.zip|lesson)
	@$(BIN)/python -m notebooks

bench-model: setup ## the pipeline's model against the lesson's on eight splits (DATA=creditcardfraud.zip)
	@$(BIN)/python -m bench

docs: setup ## write the documents' tables anew, from the code
	@$(BIN)/python -m docs

browser: ## Chromium, with which a test opens the report (installed where apt-get may; elsewhere bring your own)
	@if command -v chromedriver && { command -v chromium || command -v chromium-browser || command -v google-chrome; }; \
	then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; \
	then apt-get update -qq && apt-get install -y -qq chromium chromium-driver; \
	else echo "There is no Chromium with its chromedriver here: the tests that open the report are skipped." >&2; \
	fi >/dev/null

test: lint browser ## all checks and tests
	$(BIN)/pytest -n 2

check: lint browser ## the quick ones: no local cloud
	$(BIN)/pytest -n 2 tests/unit tests/template

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean: ## remove all that was made here
	rm -rf .venv node_modules cdk.out .localcloud .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis
