# Few verbs. `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test soak lint type bench clean

$(VENV)/.installed: pyproject.toml constraints-cpu.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints-cpu.txt -e ".[dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/alref-local demo -o demo

# One thread a process: the tests share the cores.
test: $(VENV)/.installed lint type
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not soak" -n auto --dist loadfile

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
