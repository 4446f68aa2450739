# `make help` lists the commands; CONTRIBUTING.md describes them.
#
# Everything that is downloaded or built goes into target/.

BUILD   := $(CURDIR)/target
export CARGO_TARGET_DIR := $(BUILD)
unexport CARGO_BUILD_TARGET
DEBUG   := $(BUILD)/debug
RELEASE := $(BUILD)/release
VENV    := $(BUILD)/venv
PYTHON  ?= python3
CARGO   ?= cargo
PREFIX  ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
FEATURES ?=
DEBUG_SYMBOLS ?= 0

RUFF := $(VENV)/bin/ruff
MYPY := $(VENV)/bin/mypy

.DEFAULT_GOAL := help
# Cargo already uses all cores, and nothing must be rebuilt while it is tested.
.NOTPARALLEL:
.PHONY: abi cross size help demo test test-more test-rust test-c test-python test-python-oldest test-aws-lc-rs test-crates test-sandbox-package test-sdist test-readme lint bench fleet header stub install wheel sandbox-wheel clean tools-c tools test-tools sandbox test-redis cross-all test-recipes

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 27

tools-c:
	@tests/tools.sh c

tools:
	@tests/tools.sh build $(PYTHON)

test-tools:
	@tests/tools.sh test $(PYTHON)

# Cargo prints no progress, so this message comes first.
.PHONY: building
building: tools
	@echo "Building; the first time this takes a few minutes."

sandbox: tools
	@$(CARGO) build --quiet -p emnify-sandbox

$(VENV)/ready: python/requirements-dev.txt | tools
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
# Its metadata asks for old libraries, but it works with these.
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps emnify-sdk==0.5.3
	@touch $@

# Installs the wheel into the virtual environment, as a user would. It is not optimised.
.PHONY: python-package
python-package: $(VENV)/ready
	@rm -rf $(BUILD)/wheels
	@cd python && $(VENV)/bin/maturin build --quiet --profile dev -o $(BUILD)/wheels -i $(VENV)/bin/python >/dev/null 2>$(BUILD)/maturin.log || { cat $(BUILD)/maturin.log >&2; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(BUILD)/wheels/*.whl

demo: building sandbox python-package ## Run an example in Rust, C, C++ and Python against a sandbox
	@$(CARGO) build --quiet -p emnify-core -p emnify-ffi --lib --example sign_in
	@REAL_TOKEN=$${EMNIFY_APPLICATION_TOKEN:+set} tests/with-sandbox.sh $(DEBUG)/emnify-sandbox \
		tests/demo.sh $(DEBUG) $(VENV)/bin/python

test: test-tools lint test-rust test-c test-python test-scenarios test-sandbox-package test-readme ## Run tests and lints, as continuous integration does

# These build much and find little.
test-more: test-tools test-python-oldest test-aws-lc-rs test-redis test-models fault-matrix test-crates test-sdist test-prometheus test-pyright test-recipes test-api deny ## Run the tests that `make test` leaves out

test-rust: sandbox ## Test the Rust crates, the sandbox and the header
	$(CARGO) test --workspace --exclude emnify-python --features emnify-core/redis
	tests/with-sandbox.sh $(DEBUG)/emnify-sandbox tests/examples.sh $(DEBUG)/examples

test-c: sandbox ## Test the C and C++ libraries, also under valgrind
	@$(CARGO) build --quiet -p emnify-ffi
	tests/c/run.sh $(DEBUG)
	@$(CARGO) build --quiet --release -p emnify-ffi
	VALGRIND=1 tests/c/run.sh $(RELEASE)
	tests/with-sandbox.sh $(DEBUG)/emnify-sandbox tests/c/installed.sh $(RELEASE)/libemnify.a

test-python: sandbox python-package ## Test the Python package
# They mostly wait, so three processes share the machine, each with its own sandbox.
	$(VENV)/bin/python -m pytest -c python/pyproject.toml tests/python -q -n 3 --dist worksteal
# These tests change nothing in the sandbox, so each also runs in eight threads at once.
	$(VENV)/bin/python -m pytest -c python/pyproject.toml -q --parallel-threads=8 \
		tests/python/test_errors.py tests/python/test_invalid_input.py tests/python/test_invalid_calls.py

# cJSON reads and writes the lines of the driver in C.
.PHONY: drivers
drivers: test-tools sandbox python-package
	@$(CARGO) build --quiet -p emnify-scenarios
	@$(CARGO) build --quiet -p emnify-ffi
	@mkdir -p $(BUILD)/scenarios
# Programs look for the library by its SONAME at run time.
	@ln -sf ../debug/libemnify.so $(BUILD)/scenarios/libemnify.so.0
	@$(CC) -std=c99 -g -Wall -Wextra -Wpedantic -Werror -Iinclude tests/scenarios/driver.c -o $(BUILD)/scenarios/driver -L$(DEBUG) -Wl,-rpath,$(BUILD)/scenarios -lemnify -lcjson

.PHONY: test-scenarios
test-scenarios: drivers ## Test that Rust, C and Python do the same
	$(VENV)/bin/python -m pytest -c python/pyproject.toml tests/scenarios -q

# Prints a table. It takes a few minutes.
.PHONY: fault-matrix
fault-matrix: drivers ## Test every call with every fault of the sandbox, in Rust, C and Python
	PYTHONPATH=tests/sandbox/python $(VENV)/bin/python tests/scenarios/fault_matrix.py

# In an environment of its own, as emnify's SDK is.
test-python-oldest: sandbox python-package ## Test the adapters and AsyncClient with the oldest libraries, and emnify's SDK
	@$(PYTHON) -m venv $(BUILD)/oldest-venv
	@$(BUILD)/oldest-venv/bin/pip install --quiet --disable-pip-version-check -r python/requirements-oldest.txt
	@$(BUILD)/oldest-venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(BUILD)/wheels/*.whl
	$(BUILD)/oldest-venv/bin/python -m pytest -c python/pyproject.toml -q tests/python/test_adapter_*.py tests/python/test_async*.py tests/python/test_sdk.py tests/python/test_comparison.py tests/python/test_documentation.py

# It needs Node.js, and installs its program from npm.
.PHONY: test-pyright
test-pyright: python-package ## Test the types of the Python package with pyright
	@$(PYTHON) -m venv $(BUILD)/pyright-venv
	@$(BUILD)/pyright-venv/bin/pip install --quiet --disable-pip-version-check pyright==1.1.414
	PYRIGHT=$(BUILD)/pyright-venv/bin/pyright $(VENV)/bin/python -m pytest -c python/pyproject.toml -q tests/python/test_types.py

# In an environment of its own, as in the project of a user.
test-sandbox-package: python-package ## Test the package emnify-sandbox
	@rm -rf $(BUILD)/sandbox-wheels
	@cd tests/sandbox && $(VENV)/bin/maturin build --quiet --profile dev -o $(BUILD)/sandbox-wheels >/dev/null 2>$(BUILD)/maturin.log || { cat $(BUILD)/maturin.log >&2; exit 1; }
	tests/sandbox/python/test.sh $(PYTHON) $(BUILD)/sandbox-venv $(BUILD)/wheels $(BUILD)/sandbox-wheels

test-aws-lc-rs: sandbox ## Test the Rust crate with aws-lc-rs in place of ring
	$(CARGO) test --quiet -p emnify-core --no-default-features --features aws-lc-rs --lib --test main store::

# `make test` uses redis-server.
test-redis: sandbox ## Test the store in Redis with each of redis-server and valkey-server that is installed
	@for server in redis-server valkey-server; do \
		command -v $$server >/dev/null || { echo "$$server: not installed"; continue; }; \
		$$server --version; \
		export REDIS_SERVER=$$server; \
		$(CARGO) test --quiet -p emnify-core --features redis --test main redis || exit 1; \
		$(CARGO) test --quiet -p emnify-core --features redis --test redis_fork || exit 1; \
	done

# Not optimised, because compiling them takes longer than running them.
TOOLS := $(BUILD)/tools
.PHONY: cargo-cyclonedx cargo-deny cargo-public-api
cargo-cyclonedx: VERSION := 0.5.9
cargo-deny: VERSION := 0.20.2
cargo-public-api: VERSION := 0.52.0
cargo-cyclonedx cargo-deny cargo-public-api: tools
	@$(CARGO) install --quiet --debug --locked --root $(TOOLS) --target-dir $(TOOLS)/build $@@$(VERSION)

# It fetches the database of vulnerabilities.
.PHONY: deny
deny: cargo-deny ## Check the crates: licences, origins, duplicates and known vulnerabilities (deny.toml)
	$(TOOLS)/bin/cargo-deny --workspace --all-features check licenses sources
	$(TOOLS)/bin/cargo-deny --manifest-path python/Cargo.toml --exclude-dev check bans
	@if $(TOOLS)/bin/cargo-deny fetch db 2>/dev/null; then $(TOOLS)/bin/cargo-deny --workspace --all-features check advisories; \
		else echo "advisories skipped: their database cannot be fetched"; fi

# `make test` runs the other models.
.PHONY: test-models
test-models: ## Test a rotation in all states that kills and failures can leave it in
	$(CARGO) test --quiet -p emnify-core --lib -- --ignored --nocapture rotation_model

# Builds each crate from its own archive, as a program that depends on it does, and then such programs.
test-crates: sandbox ## Test what would be published as Rust crates
	@rm -rf $(BUILD)/package/emnify-*
	$(CARGO) publish --dry-run --allow-dirty --quiet -p emnify-sandbox -p emnify-core
	tests/crates/run.sh $(BUILD)/package/emnify-core-* $(BUILD)/crates $(DEBUG)/emnify-sandbox

.PHONY: test-prometheus
test-prometheus: sandbox python-package ## Test the alert rules and the metrics with Prometheus, if that is installed
	$(VENV)/bin/python -m pytest -c python/pyproject.toml -q tests/python/test_prometheus.py

# Builds from source, as pip does where no wheel fits. It takes a minute.
test-sdist: $(VENV)/ready ## Test the Python package's source archive
	@tests/sdist.sh $(BUILD)/sdist $(VENV)/bin/maturin $(PYTHON)

# Builds the library once more, without optimisation.
test-recipes: sandbox ## Test the recipes for OpenWrt, Buildroot and Yocto
	tests/with-sandbox.sh $(DEBUG)/emnify-sandbox ffi/packaging/recipes.sh $(BUILD)/recipes

test-readme: test-tools sandbox python-package ## Test the README's examples
	@$(CARGO) build --quiet -p emnify-core -p emnify-ffi
	@tests/with-sandbox.sh $(DEBUG)/emnify-sandbox tests/readme.sh $(DEBUG) $(VENV)/bin/python

PYTHON_TESTS := tests/python tests/sandbox/python tests/bench tests/scenarios tests/soak
lint: test-tools python-package ## Check formatting, lints, types and documentation
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/bench/rust/Cargo.toml --check
	@! grep -rn '= format_args!(' core/src ffi/src python/src tests/sandbox/src || { echo "Rust 1.85 does not compile this: use format!" >&2; exit 1; }
	$(CARGO) clippy --quiet --workspace --all-targets --features emnify-core/redis -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps -p emnify-core -p emnify-sandbox --features emnify-core/redis,emnify-core/test-util
	$(RUFF) format --quiet --check --config python/pyproject.toml python $(PYTHON_TESTS) tests/docs
	$(RUFF) check --quiet --config python/pyproject.toml python $(PYTHON_TESTS) tests/docs
	$(MYPY) --config-file python/pyproject.toml python/pysrc/emnify_auth python/public_api.py python/stub_docs.py python/examples $(PYTHON_TESTS) tests/docs/header.py tests/docs/links.py
# Functions that another system lacks are found there.
	@for system in darwin win32; do $(MYPY) --platform $$system --config-file python/pyproject.toml --cache-dir $(BUILD)/mypy-$$system python/pysrc/emnify_auth || exit 1; done
	cd python && $(VENV)/bin/python -m mypy.stubtest emnify_auth --mypy-config-file pyproject.toml

fleet: ## Simulate fleets of 1,000 clients behind one address, draw pictures, and check the numbers
	$(CARGO) run --quiet -p emnify-fleet tests/fleet/pictures

# The clock of the first program is moved, that of the second is the machine's. With the variables,
# glibc returns memory that is free to the system.
.PHONY: soak
soak: export MALLOC_ARENA_MAX = 1
soak: export MALLOC_MMAP_THRESHOLD_ = 65536
soak: export MALLOC_TRIM_THRESHOLD_ = 65536
soak: drivers ## Run for hours of simulated time with random faults (SOAK_MINUTES for each of two programs, SOAK_SEED)
	$(CARGO) run --quiet -p emnify-soak
	PYTHONPATH=tests/scenarios:tests/sandbox/python $(VENV)/bin/python tests/soak/faces.py

# Takes FUZZ_SECONDS (180) for each target, and needs rustup: see tests/fuzz/run.sh.
.PHONY: fuzz
fuzz: tools ## Fuzz the library (FUZZ_SECONDS, FUZZ_TARGETS)
	tests/fuzz/run.sh $(BUILD)/fuzz

# Builds everything for release, and installs the wheel into an environment of its own.
BENCH = $(BUILD)/bench
.PHONY: bench
bench: wheel ## Measure times beside other libraries, and draw them (BENCHMARKS.md)
	@tests/tools.sh bench $(PYTHON)
	@mkdir -p $(BENCH)
	@$(CARGO) build --quiet --release -p emnify-ffi
	@$(CARGO) build --quiet --release --manifest-path tests/bench/rust/Cargo.toml --target-dir $(BENCH)
	@ffi/packaging/link.sh $(RELEASE)/libemnify.a $(BENCH)
	@$(CC) -std=c99 -O2 -Wall -Wextra -Iinclude tests/bench/cached.c -o $(BENCH)/release/cached -L$(BENCH) -Wl,-rpath,$(BENCH) -lemnify -lpthread
	@$(CC) -std=c99 -O2 -Wall -Wextra -Iinclude tests/bench/call_emnify.c -o $(BENCH)/release/emnify -L$(BENCH) -Wl,-rpath,$(BENCH) -lemnify
	@$(CC) -std=c99 -O2 tests/bench/call_curl.c -o $(BENCH)/release/curl $$(pkg-config --cflags --libs libcurl libcjson)
	@$(PYTHON) -m venv $(BENCH)/venv
	@$(BENCH)/venv/bin/pip install --quiet --disable-pip-version-check -r python/requirements-bench.txt
	@$(BENCH)/venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(BUILD)/wheels-release/*.whl
	$(BENCH)/venv/bin/python tests/bench/run.py $(BENCH)/release BENCHMARKS.md tests/bench/pictures/benchmarks.svg

header: ## Generate include/emnify.h from ffi/
	EMNIFY_UPDATE_HEADER=1 $(CARGO) test --quiet -p emnify-ffi --test header

stub: python-package ## Copy the Rust docstrings into python/pysrc/emnify_auth/_native.pyi
	$(VENV)/bin/python python/stub_docs.py
	$(RUFF) format --quiet --config python/pyproject.toml python/pysrc/emnify_auth/_native.pyi

# FEATURES=redis includes the store in Redis, DEBUG_SYMBOLS=1 debug symbols.
install: tools-c ## Install the C library (PREFIX, LIBDIR, INCLUDEDIR, DESTDIR, FEATURES, DEBUG_SYMBOLS)
	CARGO_PROFILE_RELEASE_DEBUG='$(DEBUG_SYMBOLS)' $(CARGO) build --release -p emnify-ffi --features '$(FEATURES)'
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' DEBUG_SYMBOLS='$(DEBUG_SYMBOLS)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' ffi/packaging/install.sh $(RELEASE)/libemnify.a

# Needed when a function was added or the SONAME changes: see ffi/packaging/README.md.
abi: test-tools ## Update the reference of the ABI check
	$(CARGO) build --quiet --release -p emnify-ffi
	@mkdir -p $(BUILD)/abi
	ffi/packaging/link.sh $(RELEASE)/libemnify.a $(BUILD)/abi
	ffi/packaging/abi.sh update $(BUILD)/abi/libemnify.so.0

# rustdoc lists the API only if it is a nightly one, which needs rustup. Sorted, the list does not depend on
# which file has which method.
.PHONY: rust-api
rust-api: cargo-public-api
	@rustup run nightly true 2>/dev/null || rustup toolchain install nightly --profile minimal
	@mkdir -p $(BUILD)/api
	@PATH=$(TOOLS)/bin:$$PATH RUSTUP_TOOLCHAIN=nightly CARGO_TERM_QUIET=true CARGO_TARGET_DIR=$(BUILD)/api \
		$(CARGO) public-api -p emnify-core --features redis,test-util,tracing -ss >$(BUILD)/api/unsorted.txt
	@LC_ALL=C sort -u $(BUILD)/api/unsorted.txt >$(BUILD)/api/public-api.txt

.PHONY: api
api: rust-api $(VENV)/ready ## Update the listings of what the Rust crate and the Python package export
	cp $(BUILD)/api/public-api.txt core
	$(VENV)/bin/python python/public_api.py

# `make test-python` compares the other listing.
.PHONY: test-api
test-api: rust-api ## Test that the Rust crate exports what core/public-api.txt lists
	diff core/public-api.txt $(BUILD)/api/public-api.txt

size: tools-c ## Print the size of the C library by crate, beside the limit
	@$(CARGO) build --quiet --release -p emnify-ffi
	@ffi/packaging/size.sh $(RELEASE)/libemnify.a

# Needs root. ffi/packaging/README.md lists the targets.
cross: sandbox ## Build the C library for another platform and test it in emulation (TARGET=aarch64-unknown-linux-gnu)
	@tests/tools.sh cross $(PYTHON)
	ffi/packaging/cross.sh $(or $(TARGET),aarch64-unknown-linux-gnu) $(BUILD)/cross

cross-all: sandbox ## Do that for all platforms, and print a table
	@tests/tools.sh cross $(PYTHON)
	ffi/packaging/cross_all.sh $(BUILD)/cross

# Builds everything for release twice.
.PHONY: reproducible
reproducible: $(VENV)/ready ## Build the C library and the wheel in two places, and compare them
	@ffi/packaging/reproducible.sh $(BUILD)/reproducible $(VENV)/bin/maturin $(VENV)/bin/python

# cargo-cyclonedx writes a file beside each Cargo.toml, which names the folder of the checkout.
.PHONY: sbom
sbom: cargo-cyclonedx ## List the crates in what is released, in CycloneDX, in target/sbom (TARGET)
	@rm -rf $(BUILD)/sbom
	@mkdir -p $(BUILD)/sbom
	@PATH=$(TOOLS)/bin:$$PATH $(CARGO) cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps $(if $(TARGET),--target $(TARGET))
	@mv core/*.cdx.json ffi/*.cdx.json python/*.cdx.json tests/sandbox/*.cdx.json $(BUILD)/sbom
	@find tests -name 'emnify-*.cdx.json' -delete
	@sed -i 's,path+file://$(CURDIR)/,path+file:///,' $(BUILD)/sbom/*
	@ls $(BUILD)/sbom/*

wheel: $(VENV)/ready ## Build the Python wheel into target/wheels-release
	@rm -rf $(BUILD)/wheels-release
	cd python && $(VENV)/bin/maturin build --release -o $(BUILD)/wheels-release -i $(VENV)/bin/python

sandbox-wheel: $(VENV)/ready ## Build the wheel of emnify-sandbox into target/sandbox-wheels-release
	@rm -rf $(BUILD)/sandbox-wheels-release
	cd tests/sandbox && $(VENV)/bin/maturin build --release -o $(BUILD)/sandbox-wheels-release

clean: ## Remove everything that was built or downloaded
	rm -rf $(BUILD)

.PHONY: test-sanitizers
test-sanitizers: sandbox ## Test with sanitizers; those for Rust need a nightly compiler
	@$(CARGO) build --quiet -p emnify-ffi
	SANITIZE=address,undefined tests/c/run.sh $(DEBUG)
	SANITIZE=thread tests/c/run.sh $(DEBUG)
	tests/sanitizers.sh address $(BUILD)/sanitizers
	tests/sanitizers.sh thread $(BUILD)/sanitizers

.PHONY: test-miri
test-miri: tools ## Test unsafe code with Miri, which needs a nightly compiler
	tests/miri.sh

.PHONY: docs
docs: tools ## Build the documentation into target/docs, and check its links
	@$(PYTHON) -m venv $(BUILD)/docs-venv
	@$(BUILD)/docs-venv/bin/pip install --quiet --disable-pip-version-check -r tests/docs/requirements.txt
	@tests/docs/build.sh $(BUILD) $(BUILD)/docs-venv/bin
