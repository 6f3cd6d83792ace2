# Everything runs in .venv: Python packages from PyPI, Node.js among them, and the CDK CLI from npm.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DATA INPUT KEEP
# The lesson's data, if it lies beside the checkout.
export CREDITCARD_DATA ?= $(wildcard $(CURDIR)/../shared/data/creditcardfraud.zip)
export CSV OUT PROJECT INSTANCE_TYPE

# Nothing is installed but wheels that the locks have the hashes of: no package runs code while it is installed.
HASHED := --require-hashes --no-build
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --only-binary :all: $(UPGRADE)
LOCKS := $(filter-out requirements-dev.txt,$(wildcard requirements-*.txt))
export UV_CUSTOM_COMPILE_COMMAND := make lock
export UV_HTTP_TIMEOUT ?= 180
# pip-audit's findings that don't concern this project: an ID each by `AUDIT_IGNORED +=`, and above it the reason.
AUDIT_IGNORED :=

.DEFAULT_GOAL := help
.PHONY: help setup demo stop predict faults billing notebooks bench-model docs browser image-python test permissions check lint lock audit clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1 \t/' | expand -t 18

setup: .venv/ready ## install everything into .venv and node_modules (a minute or two, once)

.venv/ready: requirements-lock.txt package.json package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up .venv and node_modules: a minute or two, once."
	$(PYTHON) -m venv .venv
	awk '/^[^ ]/ { uv = /^uv==/ } uv' requirements-lock.txt >.venv/uv.txt
	$(BIN)/pip install --disable-pip-version-check --require-hashes --only-binary :all: -r .venv/uv.txt
	$(BIN)/uv pip sync --python $(BIN)/python $(HASHED) requirements-lock.txt
	@# Compiled now, rather than while something on a clock waits for it.
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import aws_cdk, boto3, imblearn, pandas'
	$(BIN)/npm ci --ignore-scripts --no-audit --no-fund
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

image-python: .venv/image-python/ready ## AWS's image's Python and packages, if there is a Python 3.12 to test training code under

.venv/image-python/ready: requirements-image.txt | .venv/ready
	@for python in python3.12 $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python); do \
		if "$$python" -c '' 2>/dev/null; then \
			"$$python" -m venv --without-pip .venv/image-python && \
			$(BIN)/uv pip sync --python .venv/image-python/bin/python $(HASHED) $< && \
			env -u PYTHONDONTWRITEBYTECODE .venv/image-python/bin/python -c 'import imblearn, pandas, sklearn, xgboost' && \
			touch $@; exit; \
		fi; \
	done; \
	echo "There is no Python 3.12 here: the tests that run training code under it are skipped." >&2

test: lint browser .venv/checkov/ready image-python ## all checks and tests
	$(BIN)/pytest -n 3 --decisions .permissions tests
	@$(BIN)/python -m permissions

permissions: setup ## who may do what, and which runs use it: the tests on deployed stacks, and a line a statement
	@$(BIN)/pytest -n 2 --decisions .permissions tests/pipeline tests/teardown; \
	failed=$$?; $(BIN)/python -m permissions && exit $$failed

check: lint ## the quick ones: what starts no process and synthesises nothing
	$(BIN)/pytest -n 2 -m 'not enable_socket and not slow' tests/unit

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

lock: setup ## pin what the requirements files bring, with hashes (UPGRADE=--upgrade: the newest that they allow)
	$(LOCK) requirements.txt requirements-dev.txt -o requirements-lock.txt
	$(LOCK) requirements-audit.in -o requirements-audit.txt
	$(LOCK) requirements-checkov.in -o requirements-checkov.txt

# Environments of their own, for what only checks need and what needs other versions than the rest.
.venv/%/ready: requirements-%.txt | .venv/ready
	$(PYTHON) -m venv --without-pip .venv/$*
	$(BIN)/uv pip sync --python .venv/$*/bin/python $(HASHED) $<
	@touch $@

audit: .venv/audit/ready ## look up what is known to be vulnerable of all that is installed, at PyPI and npm
	@failed=0; said=.venv/audit/said; \
	for lock in $(LOCKS); do \
		if .venv/audit/bin/pip-audit $(addprefix --ignore-vuln ,$(AUDIT_IGNORED)) --strict --require-hashes --disable-pip \
			--progress-spinner off -r $$lock >$$said 2>&1; then echo "$$lock: clean"; \
		elif grep -q '^Found ' $$said; then failed=1; echo "$$lock:"; cat $$said; \
		else failed=1; echo "$$lock could not be audited: $$(tail -n 1 $$said)"; fi; \
	done; \
	if $(BIN)/npm audit >$$said 2>&1; then echo "package-lock.json: clean"; \
	elif grep -q 'npm error' $$said; then failed=1; echo "package-lock.json could not be audited:"; cat $$said; \
	else failed=1; echo "package-lock.json:"; cat $$said; fi; \
	exit $$failed

clean: ## remove all that was made here
	rm -rf .venv node_modules cdk.out .localcloud .bench .permissions .mypy_cache .ruff_cache .pytest_cache .hypothesis
