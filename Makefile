# Two commands, each enough on a fresh clone: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
BIN := $(VENV)/bin
DEMO_OUT ?= runs/digits
# a file's tests stay in one process, where what one of them has compiled serves the others
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

.PHONY: demo test thorough-test fast-test lint docs links images lenet clean

# asked first, since pip's own message about a wrong Python is long and comes late
SUPPORTED = import sys; v = sys.version_info[:2]; \
  sys.exit(None if (3, 11) <= v < (3, 14) else "$(PYTHON) is Python %d.%d; \
  gparticles needs 3.11 to 3.13: make PYTHON=python3.12 ..." % v)

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c '$(SUPPORTED)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

# a finished run is never overwritten: the next one gets a numbered folder; a run that was
# cut off is continued
demo: $(VENV)/.installed
	@out="$(DEMO_OUT)"; k=1; \
	while [ -e "$$out/metrics.json" ]; do k=$$((k + 1)); out="$(DEMO_OUT)-$$k"; done; \
	more=; [ ! -e "$$out/config.toml" ] || more=--resume; \
	echo "gpa run digits --out $$out $$more"; \
	$(BIN)/gpa run digits --out "$$out" $$more && \
	echo "made $$out: 600 new digits in particles.npz; look at figures/*.png there first" && \
	echo "(rm -r $$out deletes it; another make demo writes $(DEMO_OUT)-$$((k + 1)))"

# all laws, of long grids a few cases, and the code blocks of the first pages: what takes minutes
# more is in thorough-test
test: lint
	$(PYTEST) -m 'not thorough'

thorough-test: lint
	$(PYTEST)

fast-test: $(VENV)/.installed-test
	$(PYTEST) -m 'not slow and not thorough' $(ROOMS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# the site, from the sources and the examples, which are run once and then only where they changed;
# a warning is an error
docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "made docs/_build/html: open docs/_build/html/index.html in a browser"

# asks every address that the site names whether it is there, which needs a network
links: $(VENV)/.installed-docs
	GALLERY=off $(BIN)/sphinx-build -q -b linkcheck -d docs/_build/words docs docs/_build/links

images: $(VENV)/.installed
	$(BIN)/python docs/make_images.py

# trains and compares with the shipped weights, which it leaves as they are: LENET=--ship replaces them
lenet: $(VENV)/.installed-test
	$(BIN)/python benchmarks/run.py train-lenet $(LENET)

clean:
	rm -rf $(VENV) build dist
