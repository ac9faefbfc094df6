# Few verbs. `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
VLLM_VENV ?= .venv-vllm
export VLLM_VENV
export TOKENIZERS_PARALLELISM := false

BROWSER_HELP = no chromium here; on Debian: apt-get install chromium chromium-driver

.PHONY: demo demo-vllm test vllm browser soak lint type bench clean

$(VENV)/.installed: pyproject.toml constraints-cpu.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints-cpu.txt -e ".[dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/alref-local demo -o demo

demo-vllm: export ALREF_VLLM := $(VLLM_VENV)
demo-vllm: $(VENV)/.installed vllm
	$(BIN)/alref-local serve tiny-vllm --config tiny --detach
	$(BIN)/alref-local demo -b tiny-vllm -o demo-vllm; status=$$?; $(BIN)/alref-local serve stop tiny-vllm; exit $$status

# A vLLM server for the tests, in an environment of its own. What is taken away is built for CUDA and unused.
$(VLLM_VENV)/.installed: scripts/vllm/requirements.txt scripts/vllm/mend.py scripts/vllm/torchvision_on_cpu.py
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/pip install --quiet -r $<
	$(VLLM_VENV)/bin/pip uninstall --quiet -y torchaudio torchcodec triton
	$(VLLM_VENV)/bin/python scripts/vllm/mend.py
	touch $@

vllm:
	@$(MAKE) --no-print-directory $(VLLM_VENV)/.installed || \
		echo "No vLLM for this platform: the tests that need its server are skipped."

# One thread a process: the tests share the cores. Tests with vLLM servers, which are processes of their own, come after.
test: $(VENV)/.installed lint type vllm
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not soak and not vllm" -n auto --dist loadfile
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "vllm and not soak" -n 2 --dist loadgroup -rs

# Reports in a real browser. `make test` runs these tests, too, and skips them where there is no Chromium.
browser: $(VENV)/.installed
	@{ command -v chromium && command -v chromedriver; } > /dev/null || { echo "$(BROWSER_HELP)"; exit 1; }
	$(BIN)/pytest tests/browser -rs

soak: $(VENV)/.installed
	$(BIN)/pip install --quiet -e ".[cluster]"
	$(BIN)/pytest -m soak

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.installed
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python scripts/bench/world.py --preset ladder --clips 20 --seed 800000

clean:
	rm -rf $(VENV) $(VLLM_VENV) demo demo-vllm
