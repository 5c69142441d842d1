# What people and machines do here. `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# `make run DATA=/somewhere LISTEN=0.0.0.0:8440`
DATA ?= ./outlay-data
LISTEN ?= 127.0.0.1:8440

export CARGO_TARGET_DIR ?= $(CURDIR)/target
OUTLAY := $(CARGO_TARGET_DIR)/debug/outlay

EVENTS ?= 2000000

.PHONY: help run build web dist test bench bench-analytics fmt lint audit openapi clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build everything and serve demo data; prints an address and a sign-in link
	@exec $(OUTLAY) serve --demo --data "$(DATA)" --listen "$(LISTEN)"

build: web ## Build the program, the pages inside
	@[ -d "$(CARGO_TARGET_DIR)/debug/deps" ] || \
	  printf '\n%s\n' "The first build takes about 20 minutes on two cores; later ones take seconds."
	@scripts/step.sh "server" scripts/cargo.mjs build --workspace

web: ## Build the pages (web/dist)
	@scripts/step.sh "web" scripts/web.sh build

dist: web ## Make archives of the program for Linux, x86-64 and arm64; MACHINES=x86_64 for one
	@scripts/dist.sh $(MACHINES)

test: ## Install what the tests need, and run them all
	@scripts/test.sh $(STEPS)

bench: ## Measure the server and the questions; EVENTS=100000000 for the full size
	@scripts/bench.sh $(EVENTS)

bench-analytics: ## Measure the maths beside statsforecast and ruptures
	@scripts/bench-analytics.sh

fmt: ## Format everything
	@cargo fmt --all
	@scripts/web.sh format

lint: ## Look for mistakes without running anything
	@scripts/test.sh format web-lint clippy

audit: ## Check licences and sources of the dependencies
	@scripts/test.sh audit

openapi: ## Write docs/reference/openapi.json anew
	@# Without the pages, which are written with the types of what is made here.
	@scripts/step.sh "server" scripts/cargo.mjs build --workspace
	@$(OUTLAY) openapi > docs/reference/openapi.json.tmp
	@mv docs/reference/openapi.json.tmp docs/reference/openapi.json

clean: ## Remove what was built; data folders stay
	@cargo clean
	@rm -rf dist
	@rm -rf web/dist web/node_modules
