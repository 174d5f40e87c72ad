# make run    set everything up and serve Atelier on this machine
# make test   set everything up and pass all tests
# make check  formatting, lint, types, import contracts
# make bench  the benchmarks, one after the other
# make lock   rewrite constraints.txt from pyproject.toml
# make generate  rewrite what is generated: catalog, API schema and its types, reference pages
.PHONY: run test check bench lock generate test-python test-frontend

# Two installs at once would trip over each other.
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= python3
PYTEST_ARGS ?= -n 2
PY = .venv/bin/python
PINS = pyproject.toml constraints.txt
SOURCES = $(shell find frontend/src frontend/public ! -name '.*' 2>/dev/null)
# What was installed counts only while its Python works, and for the index that torch came from.
ifneq ($(shell .venv/bin/python -Ic 'print(1)' 2>/dev/null)$(shell cat .venv/.torch-index 2>/dev/null),1$(or $(TORCH_INDEX_URL),$(shell cat .venv/.torch-index 2>/dev/null)))
$(shell rm -f .venv/.installed-*)
endif

run: .venv/.installed-run frontend/dist/index.html
	@exec $(PY) manage.py start

test: test-python test-frontend

test-python: .venv/.installed-test frontend/dist/index.html
	$(PY) -m pytest $(PYTEST_ARGS)

test-frontend: frontend/node_modules/.installed
	infra/npm run test

check: .venv/.installed-dev frontend/node_modules/.installed
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	$(PY) -m basedpyright
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache
	infra/npm run check

bench: .venv/.installed-test
	@for file in benchmarks/*.py; do echo "== $$file"; $(PY) -m benchmarks.$$(basename $$file .py) || exit 1; done

lock:
	$(PY) -m pip install --quiet pip-tools
	$(PY) -m piptools compile --quiet --upgrade --all-extras --strip-extras --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file constraints.txt pyproject.toml
	sed -i.old -e 's/^\(torch==[^+]*\)+.*/\1/' -e '/^#/d' -e '/^$$/d' constraints.txt && rm constraints.txt.old

generate: .venv/.installed-dev frontend/node_modules/.installed
	$(PY) -m engine catalog --write
	$(PY) manage.py openapi
	$(PY) manage.py settings-page
	infra/npm run generate

# A later install holds what an earlier one put there, so one stamp serves the smaller ones too.
.venv/.installed-run: $(PINS)
	@PYTHON='$(PYTHON)' infra/install web,worker
	@touch $@

.venv/.installed-test: $(PINS)
	@PYTHON='$(PYTHON)' infra/install web,worker,test
	@touch $@ .venv/.installed-run

.venv/.installed-dev: $(PINS)
	@PYTHON='$(PYTHON)' infra/install web,worker,test,dev
	@touch $@ .venv/.installed-test .venv/.installed-run

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json | .venv/.installed-run
	@infra/npm ci --include=dev --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.installed frontend/index.html frontend/vite.config.ts frontend/tsconfig.json $(SOURCES)
	@infra/npm run build
	@touch $@
