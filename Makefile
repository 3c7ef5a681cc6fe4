# The commands of this checkout. Everything they need beyond Python 3.10 and make they install themselves:
# into .venv and js/node_modules, and Chromium (for the browser tests) from the system's packages or Playwright's;
# Firefox and WebKit from the system's packages, where it may.

# The first Python that is new enough; `make PYTHON=/path/to/python3 …` names another one.
ifndef PYTHON
PYTHON := $(shell for name in python3 python python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$name && break; done)
endif

NO_PYTHON = No Python 3.10 or newer was found. Install one (Debian, Ubuntu: apt-get install python3 python3-venv; \
	macOS: brew install python), or name one: make $@ PYTHON=/path/to/python3
TASK = $(if $(PYTHON),,$(error $(NO_PYTHON)))"$(PYTHON)" scripts/tasks.py

.PHONY: help demo test test-oldest gpu-check docs bundle clean

help:
	@echo "make demo    install into .venv and open demo_notebooks/01_first_look.ipynb in JupyterLab"
	@echo "make test    install what the tests need; lint, type-check and run the Python, TypeScript and browser tests"
	@echo "make test-oldest  run the Python tests with the least versions that pyproject.toml allows, in .venv-oldest"
	@echo "make gpu-check  check on a GPU, where torch has one, what the tests imitate without; after make test"
	@echo "make docs    build the documentation into site/, without a network"
	@echo "make bundle  build the frontend (js/) into widget_pkg/filterscope/static"
	@echo "make clean   remove what these commands made: .venv, .venv-oldest, js/node_modules, caches, test-output, site"

demo test test-oldest gpu-check docs bundle clean:
	@$(TASK) $@
