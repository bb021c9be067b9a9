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
.PHONY: help demo test slow notebooks check docs dist dist-oldest benchmark benchmark-samples benchmark-attention benchmark-training benchmark-synthesis clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: $(VENV)/demo.done ## three transforms, printed and drawn into demo/
	$(PY) examples/demo.py

# Two workers, two cores: more threads than cores wait for each other.
test slow notebooks dist-oldest: export OMP_NUM_THREADS := 1
test slow notebooks dist-oldest: export OPENBLAS_NUM_THREADS := 1
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
	  echo "== $$(basename $$artefact) in an empty environment, with the newest dependencies"; \
	  $(PY) -m venv --without-pip "$$room/venv"; \
	  $(PIP) --python "$$room/venv/bin/python" install --quiet "$$artefact"; \
	  (cd "$$room"; venv/bin/python "$(CURDIR)/tests/installed.py"); \
	  rm -rf "$$room"; \
	done
	@echo "== what the extra all asks for"
	@echo "kymath[all] @ file://$$(ls $(CURDIR)/dist/*.whl)" \
	  | $(PY) -m uv pip compile --quiet --no-header --no-annotate --output-file dist/all.txt -
	@echo "$$(wc -l < dist/all.txt) packages, in dist/all.txt"

# pyproject.toml promises that the oldest versions it allows work. torch is left out: the oldest one alone is gigabytes.
QUICK := cli starting parse families families_nodes families_ranges taylor taylor_written taylor_kinks taylor_escapes \
  lazy samples_frames samples_input inspector inspector_curves inspector_heads
dist-oldest: $(VENV)/dist.done ## the wheel in an empty environment with the oldest dependencies allowed, and the quick tests
	rm -rf dist/oldest
	$(PY) -m build --wheel --outdir dist/oldest
	@set -e; room=$$(mktemp -d); trap 'rm -rf "$$room"' EXIT; python="$$room/venv/bin/python"; \
	$(PY) -m uv venv --quiet --python $(PY) "$$room/venv"; \
	$(PY) -m uv pip install --quiet --compile-bytecode --python "$$python" --resolution lowest-direct \
	  -r pyproject.toml --extra certified --extra data --extra inspect; \
	$(PY) -m uv pip install --quiet --compile-bytecode --python "$$python" --no-deps dist/oldest/*.whl; \
	$(PY) -m uv pip list --quiet --python "$$python"; \
	$(PY) -m uv pip install --quiet --python "$$python" pytest pytest-xdist hypothesis; \
	cd "$$room"; "$$python" "$(CURDIR)/tests/installed.py"; \
	"$$room/venv/bin/pytest" -c "$(CURDIR)/pyproject.toml" --rootdir "$(CURDIR)" -p no:cacheprovider -q -n 2 \
	  -W ignore::DeprecationWarning $(QUICK:%="$(CURDIR)/tests/test_%.py")

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
