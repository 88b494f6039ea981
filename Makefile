# make repro         everything from nothing: environment, data, training, samples, metrics, report
# make test          the tests
# make test-browser  the tests of the web pages in an installed Chromium
# make fire          the long forms of the reliability tests: kills, random settings (hours)
# make lint          style, types, lock file, known vulnerabilities of the locked packages
# make demo          a web page that samples images from the trained runs (adds an environment with Gradio)
# make ui            MLflow on this checkout's runs
# make bench         speed and memory on this machine, compared with common implementations (after make repro)
# make lock          renew requirements.lock and locks/ after a change of pyproject.toml (needs uv)
# make licences      renew docs/licences.md after that: the licence of every locked package
# make ray           add Ray to the environment, for trainings on a cluster (docs/scaling.md)
# make team          add what a team's server and its users need (docs/scaling.md)
# make clean         remove what the pipeline wrote; keeps the environment and the downloads
#
# On a laptop without a GPU the CPU-only build of PyTorch saves 5 GB:
#   make repro TORCH_INDEX=<the CPU index that pytorch.org names for pip>

PYTHON ?= python3
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# DVC and the stages find the environment's programs through PATH.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"
# Gradio needs older versions of Pillow and tomlkit than the locked ones. Its environment adds the packages of $(VENV) after
# its own on the import path.
DEMO := $(VENV)/demo
RUN_DEMO := PATH="$(CURDIR)/$(DEMO)/bin:$(CURDIR)/$(BIN):$$PATH"

# The scripts of an environment and the editable install contain the folder of the checkout, so a moved or copied
# environment is broken, or uses the original one. The ready stamp records the folder.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
CLEAR := --clear
.PHONY: $(READY)
endif

.PHONY: repro test test-browser fire lint ui demo bench ray team lock licences clean

# ganpipe repro runs as many stages at once as the machine can keep busy; dvc repro confirms that nothing is left to do.
repro: $(READY)
	@$(RUN) ganpipe repro
	@$(RUN) dvc repro --quiet
	@$(RUN) ganpipe compare

test: $(READY)
	@$(RUN) python -m pytest

fire: $(READY)
	@$(RUN) GANPIPE_FIRE=long python -m pytest tests/fire -v -rP

lint: $(READY)
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) pip check
	@$(RUN) python scripts/check_fingerprints.py
	@$(RUN) python scripts/audit.py requirements.lock locks/*.lock

ui: PORT ?= 5000
ui: $(READY)
	@$(RUN) ganpipe ui --port $(PORT)

demo: HOST ?= 127.0.0.1
demo: PORT ?= 7860
demo: $(DEMO)/demo.ready
	@$(RUN_DEMO) python -m ganpipe demo --host $(HOST) --port $(PORT)

test-browser: $(DEMO)/demo.ready $(DEMO)/browser.ready
	@$(RUN_DEMO) python -m pytest -n 0 -r s tests/browser

bench: $(READY)
	@$(RUN) python benchmarks/training.py
	@$(RUN) python benchmarks/step_profile.py
	@$(RUN) python benchmarks/networks.py
	@$(RUN) python benchmarks/instructions.py
	@$(RUN) python benchmarks/growth.py
	@$(RUN) python benchmarks/metrics.py --prepared out/prepared/mnist --judge out/judge/mnist
	@$(RUN) python benchmarks/pipeline.py
	@$(RUN) python benchmarks/stage_times.py

ray team: %: $(READY)
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r locks/$@.lock

lock:
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 -o requirements.lock
	$(MAKE) locks/ray.lock locks/team.lock
	awk '/^[a-z]/ {keep = !/^(pillow|tomlkit)==/} keep' requirements.lock > $(VENV)/constraints.txt
	for group in demo browser; do \
		uv pip compile --group $$group --constraint $(VENV)/constraints.txt --universal --generate-hashes --no-header \
			--no-annotate --no-emit-index-url --python-version 3.11 -o locks/$$group.lock || exit; \
	done

licences: $(READY) ray team $(DEMO)/demo.ready $(DEMO)/browser.ready
	@$(RUN) python scripts/licences.py

# The packages that an extra adds to requirements.lock.
locks/ray.lock locks/team.lock: locks/%.lock: requirements.lock pyproject.toml
	uv pip compile pyproject.toml --extra $* --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 --constraint requirements.lock -o $@ \
		$$(sed -nE 's/^([a-z0-9._-]+)(\[.*\])?==.*/--no-emit-package \1/p' requirements.lock)
	sed -i '/^# /d' $@

clean:
	rm -rf out .dvc/cache .dvc/tmp .ganpipe/checkpoints

# PyTorch and the CUDA libraries that it depends on: a CPU-only build replaces them.
CUDA_BUILD := ^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed. Run: make PYTHON=python3.11")'
	@echo "installing the locked packages into $(VENV): a few minutes, and 6 GB with PyTorch's CUDA build"
	$(PYTHON) -m venv $(CLEAR) $(VENV)
ifeq ($(strip $(TORCH_INDEX)),)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
else
	grep -E '^(torch|torchvision)==' requirements.lock | tr -d '\\' > $(VENV)/torch.txt
	awk '/^[a-z]/ {keep = !/$(CUDA_BUILD)/} keep' requirements.lock > $(VENV)/others.txt
	$(BIN)/pip install --quiet --no-deps --index-url $(TORCH_INDEX) -r $(VENV)/torch.txt
	$(BIN)/pip install --quiet --no-deps --require-hashes -r $(VENV)/others.txt
endif
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@

$(DEMO)/%.ready: locks/%.lock $(DEMO)/pipeline.ready
	$(DEMO)/bin/pip install --quiet --require-hashes -r $<
	@touch $@

$(DEMO)/pipeline.ready: $(READY)
	$(BIN)/python -m venv $(DEMO)
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> $$($(DEMO)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pipeline.pth
	@touch $@
