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
# Two `make` at once do not build over each other where flock is there.
LOCKED := $(if $(shell command -v flock),flock build/.setup.lock,)

# What the installed package is made of; folders too, so that a removed file counts.
INPUTS := CMakeLists.txt $(shell find lao -name __init__.py) \
	$(shell find native include -path native/sdk-rust -prune -o \( -type d -o -type f \) -print)

.PHONY: setup test test-native lint format demo bench fuzz soak wheel clean

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
	@touch $@.new # a source that changes while it is being built is newer than the result
	@$(LOCKED) $(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@mv $@.new $@
