# Every target works on a machine that has Python >= 3.11, pip, git and make. `make help` lists them.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

export MPLBACKEND := Agg
ifeq ($(strip $(KYMATH_DATA)),)
ifneq ($(wildcard ../shared/data),)
export KYMATH_DATA := $(abspath ../shared/data)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help demo test slow notebooks check docs dist benchmark benchmark-samples benchmark-attention benchmark-training benchmark-synthesis clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: $(VENV)/demo.done ## three transforms, printed and drawn into demo/
	$(PY) examples/demo.py

# Two workers, two cores: more threads than cores wait for each other.
test slow notebooks: export OMP_NUM_THREADS := 1
test slow notebooks: export OPENBLAS_NUM_THREADS := 1
test: $(VENV)/test.done ## unit tests, doctests and notebooks
	$(PY) -m pytest -n 2 $(if $(NOTEBOOKS),--nbmake tests kymath $(NOTEBOOKS))

slow: $(VENV)/test.done ## the tests that take long
	$(PY) -m pytest -n 2 -m slow

notebooks: $(VENV)/test.done ## the notebooks alone
	$(if $(NOTEBOOKS),$(PY) -m pytest -n 2 --nbmake $(NOTEBOOKS),@echo "no notebooks yet")

check: $(VENV)/check.done ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

docs: $(VENV)/docs.done ## the documentation, in docs/_build/html
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

# Each artefact must install and work where nothing else is installed.
dist: $(VENV)/dist.done ## wheel and sdist in dist/, each tried in an empty environment
	rm -rf dist
	$(PY) -m build
	@set -e; for artefact in dist/*.whl dist/*.tar.gz; do \
	  artefact=$$(pwd)/$$artefact; room=$$(mktemp -d); trap 'rm -rf "$$room"' EXIT; \
	  echo "== $$(basename $$artefact) in an empty environment"; \
	  $(PY) -m venv --without-pip "$$room/venv"; \
	  $(PIP) --python "$$room/venv/bin/python" install --quiet "$$artefact"; \
	  (cd "$$room"; \
	   venv/bin/python -c 'import kymath, importlib.resources as r; assert (r.files("kymath") / "py.typed").is_file(); print("import:", kymath.__file__)'; \
	   venv/bin/kymath transform "x**3" --at 1 --json); \
	  rm -rf "$$room"; \
	done

benchmark: $(VENV)/bench.done ## accuracy and speed beside the peers
	$(PY) benchmarks/run.py

# One thread each: two processes share the cores, and times are then those of one core.
benchmark-samples: export OMP_NUM_THREADS := 1
benchmark-samples: export OPENBLAS_NUM_THREADS := 1
benchmark-samples: $(VENV)/bench.done ## accuracy, errors and speed along measured data, beside the peers
	$(PY) benchmarks/samples/run.py

benchmark-attention: export OMP_NUM_THREADS := 1
benchmark-attention: $(VENV)/bench-attention.done ## time and memory of the attention beside torch's own
	$(PY) benchmarks/attention/run.py

benchmark-training: $(VENV)/bench-training.done ## small models with each attention on three seeds: some hours
	$(PY) benchmarks/attention/training.py

benchmark-synthesis: export OMP_NUM_THREADS := 1
benchmark-synthesis: $(VENV)/bench-training.done ## attention nodes on MNIST and IMDB beside a plain network, and what they cost
	$(PY) benchmarks/synthesis/run.py

clean: ## remove everything that make made
	rm -rf $(VENV) dist demo docs/_build docs/lessons .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp is newer than what it was made from, so that a second run starts at once.

# python3 if it is new enough, else a numbered one. Where venv comes without pip, pip is brought from outside.
$(VENV)/made:
	@for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "creating $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) 2>/dev/null \
	    || { "$$python" -m venv --without-pip $(VENV) && "$$python" -m pip --python $(PY) install --quiet pip; } \
	    || exit 1; \
	  $(PIP) install --quiet --upgrade 'pip>=25.1' && touch $@; exit $$?; \
	done; \
	echo "kymath needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=/path/to/python3.11 ..." >&2; exit 1

$(VENV)/demo.done: WHAT := --editable .
$(VENV)/test.done: WHAT := --editable '.[certified,data]' --group test
$(VENV)/check.done: WHAT := --editable '.[certified,data]' --group check
$(VENV)/docs.done: WHAT := --editable '.[certified,data]' --group docs
$(VENV)/bench.done: WHAT := --editable '.[certified,data]' --group bench
$(VENV)/bench-attention.done: WHAT := --editable . --group torch 'local-attention>=1.9'
$(VENV)/bench-training.done: WHAT := --editable '.[train]' --group torch matplotlib
$(VENV)/dist.done: WHAT := --group dist

$(VENV)/%.done: $(VENV)/made pyproject.toml
	@echo "installing $(WHAT)"
	@$(PIP) install --quiet $(WHAT)
	@touch $@
