# MEMORY_DEVICE_PUBLIC for Linux 6.12: thin verbs over scripts/. 'make help' lists them.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/bash

# Variables reach the scripts by the environment; scripts/lib checks them.
export O J V CC KVM MEM CPUS SCALE BASE DEBUG SCRIPT NAME SUITE SOAK SEED BENCH_BASE BENCH_DOC
ifeq ($(origin CC),default)
unexport CC
endif

help: ## List the verbs and variables
	@echo 'Verbs:'
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r v t; do printf '  %-12s %s\n' "$$v" "$$t"; done
	@sed -n 's/^#= /  /p' Makefile

run: ## Build the series, boot it, run all suites (or SUITE='hmm gup'), print the table
	@scripts/deps run
	@scripts/run $(SUITE)

check: ## All tests: harness, static, suites (add DEBUG=1 for KASAN, lockdep and more)
	@scripts/deps check
	@scripts/check

fetch: ## Fetch the base's source package and verify it
	@scripts/deps fetch
	@scripts/fetch

tree: ## Make the work tree O/linux: the base and one commit per patch
	@scripts/deps fetch
	@scripts/tree

export: ## Write the work tree's commits back to patches/6.12
	@scripts/export

build: ## Build the guest kernel and the selftests
	@scripts/deps build
	@scripts/build series

boot: ## Boot the built kernel: SCRIPT=file runs it in the guest, else a shell
	@scripts/deps run
	@scripts/shell

base: ## Run the suites (or SUITE='hmm gup') on the unpatched base, store results in tests/base-results
	@scripts/deps run
	@scripts/base $(SUITE)

static: ## checkpatch, W=1, sparse, kernel-doc, htmldocs and codespell on what the series touches
	@scripts/deps check
	@scripts/static

without: ## Take one piece out of the series, see its test fail (NAME=x: those that begin with x)
	@scripts/deps run
	@scripts/without

soak: ## Stress, random calls and programs for long: SOAK=seconds for each file system (60), SEED=n (1), NAME=fuzz: that part; goes on where it was
	@scripts/deps run
	@scripts/soak

coverage: ## Line coverage of what the series adds, by gcov (results/coverage)
	@scripts/deps run
	@scripts/coverage

bench: ## Measure what migration costs; tables and charts (BENCH_DOC=1: into docs/performance.md)
	@scripts/deps bench
	@scripts/bench

check-each: ## Build and boot every prefix of the series
	@scripts/deps run
	@scripts/check-each

drift: ## Apply and build the series on every 6.12 version that the archive offers
	@scripts/deps build
	@scripts/drift

combos: ## Compile on arm64, i386 and riscv without an MMU, and with features switched off (NAME=x: those that match x)
	@scripts/deps combos
	@scripts/combos

deb: ## Debian packages of the guest kernel; boot them in a Debian image
	@scripts/deps deb
	@scripts/deb

clean: ## Remove what the verbs made in O (refuses when the work tree holds unexported work)
	@scripts/clean

#=
#= Variables:
#=   O=out        output directory             J=n         parallel jobs
#=   V=1          show commands                CC=gcc      compiler (ccache gcc if there is ccache)
#=   KVM=auto     auto, on or off              SCALE=1     multiplies time limits
#=   MEM=5G       guest memory                 CPUS=2      guest processors
#=   SUITE=       for run, base: suites, all unless given
#=   BASE=        another base, e.g. 6.12.115-2~deb12u1
#=   DEBUG=       1: KASAN, lockdep, page table check and more (configs/debug.config); kasan: the first two only, no GPU;
#=                kcsan: data races; nopreempt: a kernel that is not preempted

# All of them use the one work tree.
.NOTPARALLEL:
.PHONY: help run check fetch tree export build boot base static without soak coverage bench check-each drift combos deb clean
