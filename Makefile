# Few verbs. `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# One thread per process keeps runs byte-identical from machine to machine.
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test soak lint type bench clean

$(VENV)/.installed: pyproject.toml constraints-cpu.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints-cpu.txt -e ".[dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/alref-local demo -o demo

test: $(VENV)/.installed lint type
	$(BIN)/pytest -m "not soak"

soak: $(VENV)/.installed
	$(BIN)/pytest -m soak

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.installed
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python scripts/bench/world.py --preset ladder --clips 20 --seed 800000

clean:
	rm -rf $(VENV) demo
