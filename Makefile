# Two commands matter: `make try` and `make test`. Each does all of its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
SITE ?= inventory/kaohsiung
export PATH := $(CURDIR)/$(BIN):/usr/sbin:/sbin:$(PATH)

.PHONY: help setup setup-tests try test lint types fast lab bench golden clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## the virtual environment with .venv/bin/gateway, and Debian packages that are missing
	@scripts/setup

try: setup ## boot and provision the department of the article here, and print the evidence
	@gateway try $(SITE)

test: setup-tests lint types fast lab ## everything, as CI does

setup-tests: setup
	@scripts/setup --tests

lint:
	ruff check .
	ruff format --check .
	ansible-lint --offline --profile production playbooks roles

types: # django's own are read with its settings
	GATEWAY_REPORTS=tests/reports/types.json mypy

fast: ## tests that take seconds
	pytest -q -m "not lab"

lab: ## tests against a booted box (minutes, root)
	pytest -q -m lab

bench: setup ## measurements, as ratios within one run
	for each in tests/bench/*.py; do echo "== $$each"; python $$each; done

golden: ## write the expected trees of tests/sites anew (read the diff!)
	GATEWAY_UPDATE_GOLDEN=1 pytest -q tests/test_sites.py

clean: ## what was built here (not the lab's image cache)
	rm -rf build .mypy_cache .ruff_cache .pytest_cache
