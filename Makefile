# The front door. `make help` lists what there is; CONTRIBUTING.md says more.
#
# Everything that is fetched or built goes into target/.

TARGET  := $(CURDIR)/target
export CARGO_TARGET_DIR := $(TARGET)
unexport CARGO_BUILD_TARGET
DEBUG   := $(TARGET)/debug
RELEASE := $(TARGET)/release
VENV    := $(TARGET)/venv
PYTHON  ?= python3
CARGO   ?= cargo
PREFIX  ?= /usr/local
DESTDIR ?=
FEATURES ?=

RUFF := $(VENV)/bin/ruff
MYPY := $(VENV)/bin/mypy

.DEFAULT_GOAL := help
# Cargo uses all cores by itself, and what is tested must not be built anew meanwhile.
.NOTPARALLEL:
.PHONY: help demo test test-rust test-c test-python test-readme lint bench header install wheel clean tools-c tools test-tools sandbox

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# What is missing, and how to get it on Debian.
define need
	@command -v $(1) >/dev/null 2>&1 || { echo "$(1) is missing: $(2)" >&2; exit 1; }
endef

tools-c:
	$(call need,cargo,Rust 1.85 or newer is needed: rustup has it)
	$(call need,cc,apt-get install build-essential)

tools: tools-c
	$(call need,c++,apt-get install build-essential)
	$(call need,$(PYTHON),apt-get install python3 python3-venv)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python has no venv: apt-get install python3-venv" >&2; exit 1; }

test-tools: tools
	$(call need,valgrind,apt-get install valgrind)
	$(call need,redis-server,apt-get install redis-server)
	@$(CARGO) clippy --version >/dev/null 2>&1 || { echo "clippy is missing: rustup component add clippy" >&2; exit 1; }
	@$(CARGO) fmt --version >/dev/null 2>&1 || { echo "rustfmt is missing: rustup component add rustfmt" >&2; exit 1; }

# Said first, since cargo is quiet about what it does.
.PHONY: building
building: tools
	@echo "Building; the first time this takes a few minutes."

sandbox: tools
	@$(CARGO) build --quiet -p emnify-sandbox

$(VENV)/ready: python/requirements-dev.txt | tools
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The wheel in the virtual environment, as a user would install it, though not optimised.
.PHONY: python-package
python-package: $(VENV)/ready
	@rm -rf $(TARGET)/wheels
	@cd python && $(VENV)/bin/maturin build --quiet --profile dev -o $(TARGET)/wheels -i $(VENV)/bin/python >/dev/null 2>$(TARGET)/maturin.log || { cat $(TARGET)/maturin.log >&2; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(TARGET)/wheels/*.whl

demo: building sandbox python-package ## Show the main job from Rust, C, C++ and Python against a sandbox
	@$(CARGO) build --quiet -p emnify-core -p emnify-ffi --lib --example sign_in
	@REAL_TOKEN=$${EMNIFY_APPLICATION_TOKEN:+set} tests/with-sandbox.sh $(DEBUG)/emnify-sandbox \
		tests/demo.sh $(DEBUG) $(VENV)/bin/python

test: test-tools lint test-rust test-c test-python test-readme ## Run all tests, as the continuous integration does

test-rust: sandbox ## Test the Rust crates, the sandbox and the header
	$(CARGO) test --workspace --exclude emnify-python --features emnify-core/redis

test-c: sandbox ## Test the C and C++ faces, also under valgrind
	@$(CARGO) build --quiet -p emnify-ffi
	tests/c/run.sh $(DEBUG)
	VALGRIND=1 tests/c/run.sh $(DEBUG)

test-python: sandbox python-package ## Test the Python package
	$(VENV)/bin/python -m pytest -c python/pyproject.toml tests/python -q

test-readme: sandbox python-package ## Test the README's examples
	@$(CARGO) build --quiet -p emnify-ffi
	@tests/with-sandbox.sh $(DEBUG)/emnify-sandbox tests/readme.sh $(DEBUG) $(VENV)/bin/python

lint: test-tools python-package ## Check formats, lints, types and documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets --features emnify-core/redis -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps -p emnify-core -p emnify-sandbox --features emnify-core/redis
	$(RUFF) format --quiet --check --config python/pyproject.toml python tests/python tests/bench
	$(RUFF) check --quiet --config python/pyproject.toml python tests/python tests/bench
	$(MYPY) --config-file python/pyproject.toml python/pysrc/emnify_auth python/examples tests/python tests/bench
	cd python && $(VENV)/bin/python -m mypy.stubtest emnify_auth --mypy-config-file pyproject.toml

# Release builds of everything, the wheel in an environment of its own.
bench: sandbox wheel ## Measure
	$(CARGO) bench --quiet -p emnify-core --bench authenticate
	$(CARGO) build --quiet --release -p emnify-ffi
	@$(PYTHON) -m venv $(TARGET)/bench-venv
	@$(TARGET)/bench-venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(TARGET)/wheels-release/*.whl
	@ln -sf $(RELEASE)/libemnify.so $(TARGET)/libemnify.so.0
	@$(CC) -std=c99 -O2 -Wall -Wextra -Iinclude tests/bench/cached.c -o $(TARGET)/cached -L$(RELEASE) -Wl,-rpath,$(TARGET) -lemnify -lpthread
	@tests/with-sandbox.sh $(DEBUG)/emnify-sandbox $(TARGET)/cached
	@tests/with-sandbox.sh $(DEBUG)/emnify-sandbox $(TARGET)/bench-venv/bin/python tests/bench/cached.py

header: ## Write include/emnify.h anew from ffi/
	EMNIFY_UPDATE_HEADER=1 $(CARGO) test --quiet -p emnify-ffi --test header

# FEATURES=redis: with a store in Redis.
install: tools-c ## Install the C library and its headers (PREFIX, DESTDIR, FEATURES)
	$(CARGO) build --release -p emnify-ffi --features '$(FEATURES)'
	install -d $(DESTDIR)$(PREFIX)/include/emnify $(DESTDIR)$(PREFIX)/lib
	install -m 644 include/emnify.h include/emnify.hpp $(DESTDIR)$(PREFIX)/include
	install -m 644 include/emnify/*.hpp $(DESTDIR)$(PREFIX)/include/emnify
	install -m 644 $(RELEASE)/libemnify.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(RELEASE)/libemnify.so $(DESTDIR)$(PREFIX)/lib/libemnify.so.0
	ln -sf libemnify.so.0 $(DESTDIR)$(PREFIX)/lib/libemnify.so

wheel: $(VENV)/ready ## Build the Python wheel into target/wheels-release
	@rm -rf $(TARGET)/wheels-release
	cd python && $(VENV)/bin/maturin build --release -o $(TARGET)/wheels-release -i $(VENV)/bin/python

clean: ## Remove all that was built and fetched
	rm -rf $(TARGET)
