# Everything that is done with this repository. A machine needs Python 3.11-3.13, Go, gcc and make.
#
# Programs that are built (runsc, an S3 server, helm, Kubernetes) and the small model lie outside the tree, in
# ${SEEDMILL_CACHE:-~/.cache/seedmill}, and are kept between clones.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# The first Python that is new enough; `make PYTHON=/path/to/python3.12 …` names another.
NEW_ENOUGH = import sys; sys.exit(not (3, 11) <= sys.version_info)
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
	$(if $(shell $(name) -c '$(NEW_ENOUGH)' 2>/dev/null && echo yes),$(name))))

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PINS := constraints/pinned.txt

.PHONY: help
help: ## what there is to make
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: venv
venv: $(INSTALLED) ## .venv with seedmill and all that tests need

$(INSTALLED): pyproject.toml $(PINS)
	@[[ -n "$(PYTHON)" ]] || { echo "Python 3.11 or newer is needed; python3 here is $$(python3 --version 2>&1 || true). Name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "installing into $(VENV): a minute or two the first time"
	[[ -x $(BIN)/python ]] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(PINS) --editable '.[embedded,operator,dev]'
	@touch $@

.PHONY: demo
demo: venv sandbox model ## real datasets from real code, into demo/
	PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

.PHONY: test
test: venv quick-tools ## all tests; says at the end what was skipped and how to have it
	$(BIN)/pytest tests/unit tests/integration tests/engines

.PHONY: test-charts
test-charts: venv ## the chart, as helm renders it
	$(BIN)/pytest tests/charts

.PHONY: test-cluster
test-cluster: venv ## CRD, chart and operator on a real API server (ten minutes)
	$(BIN)/pytest tests/cluster --ignore tests/cluster/test_whole_node.py --ignore tests/cluster/test_images.py

.PHONY: test-node
test-node: venv ## images of this checkout, and runs on a whole node (root; ten minutes)
	$(BIN)/pytest tests/cluster/test_images.py tests/cluster/test_whole_node.py

.PHONY: test-vllm
test-vllm: vllm-tools ## a real vLLM on this machine's CPU: the gateway before it, over HTTP and in process, and a whole run (ten minutes)
	$$(tools/engine --path vllm)/bin/python -m pytest tests/engines/vllm

.PHONY: test-tgi
test-tgi: tgi-tools ## the gateway before Text Generation Inference, through its own client
	$$(tools/engine --path tgi)/bin/python -m pytest tests/engines/tgi

.PHONY: test-fast
test-fast: venv ## unit tests
	$(BIN)/pytest tests/unit

.PHONY: soak
soak: venv sandbox ## 20,000 programs while sandboxes are killed; writes benchmarks/soak.md (a quarter of an hour)
	$(BIN)/python benchmarks/soak.py --report benchmarks/soak.md

.PHONY: peers
peers: venv ## curator, datatrove, Data Designer and distilabel, each in a Python of its own, for chaos and benchmarks (2 GB)
	$(BIN)/python -m seedmill.chaos.peers

.PHONY: lint
lint: venv ## style, types, layers, examples
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/seedmill lint $$(grep -rl --include='*.yaml' '^kind: DatasetGeneration$$' examples | sort)

.PHONY: format
format: venv ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: protos
protos: venv ## generate services/seedmill/v1alpha1 from protos/
	tools/generate-protos services $(BIN)/python

.PHONY: crd
crd: venv ## write the CRD of spec/ into chart and tests
	$(BIN)/seedmill crd > tests/unit/spec/golden/crd.yaml
	$(BIN)/seedmill crd --keep > charts/seedmill-crds/templates/datasetgenerations.yaml

.PHONY: tools
tools: sandbox python-data languages s3-server helm model ## all programs and files that tests and demo need

.PHONY: sandbox
sandbox: venv ## gVisor's runsc
	$(BIN)/seedmill setup sandbox

.PHONY: languages
languages: venv ## what compilers of the languages here need (npm's packages, precompiled headers)
	$(BIN)/seedmill setup languages

.PHONY: python-data
python-data: venv ## numpy, pandas, scipy, … for programs in the sandbox (150 MB, once)
	$(BIN)/seedmill setup environment python-data

.PHONY: s3-server
s3-server: ## versitygw, an S3 server for tests
	tools/build versitygw

.PHONY: tools-minio
tools-minio: ## MinIO's own server, another S3 server for tests (ten minutes the first time)
	tools/build minio

.PHONY: helm
helm: ## helm, to check and install the charts
	tools/build helm

.PHONY: cluster-tools
cluster-tools: ## etcd, kube-apiserver and kube-controller-manager, for the test cluster
	tools/build kubernetes

.PHONY: node-tools
node-tools: sandbox s3-server helm cluster-tools ## what a node needs on which pods run: kubelet, containerd, gVisor's shim, … (root)
	tools/packages buildah debootstrap iproute2 nftables openssl runc
	for name in node containerd gvisor-shim; do tools/build $$name; done

.PHONY: vllm-tools
vllm-tools: model ## vLLM for CPUs in an environment of its own, and small models for it (6 GB, once; Python 3.12 or 3.13)
	@vllm=$$(tools/engine vllm) && weights=$$($(BIN)/seedmill setup model) && \
	  $$vllm/bin/python tools/engine_models.py --smollm "$$weights"

.PHONY: tgi-tools
tgi-tools: ## the client of Text Generation Inference in an environment of its own
	@tools/engine tgi

.PHONY: cluster-up
cluster-up: venv ## start a control plane of your own (no nodes) that has the CRD; prints its KUBECONFIG
	@PYTHONPATH=tests:services $(BIN)/python -m cluster up

.PHONY: node-up
node-up: venv ## start a node of your own on which pods run (root), with the images of this checkout; prints its KUBECONFIG
	@PYTHONPATH=tests:services $(BIN)/python -m cluster up --node

.PHONY: cluster-down
cluster-down: venv ## end either, and remove all that it made
	@PYTHONPATH=tests:services $(BIN)/python -m cluster down

.PHONY: model
model: venv ## the small language model that runs anywhere
	$(BIN)/seedmill setup model

# What `make test` gets by itself. What cannot be had here is no error: the tests that need it say so.
.PHONY: quick-tools
quick-tools: venv
	@$(BIN)/seedmill setup sandbox || echo "no sandbox: tests that need it are skipped" >&2
	@$(BIN)/seedmill setup languages || echo "some languages are not there: tests that need them are skipped" >&2
	@tools/build versitygw || echo "no S3 server: tests that need it are skipped" >&2

.PHONY: constraints
constraints: ## pin the newest releases of all dependencies (needs uv)
	{ sed -n '/^#/p' $(PINS); \
	  uv pip compile pyproject.toml --extra embedded --extra dev --extra operator --universal --python-version 3.11 \
	    --upgrade --quiet --no-header --no-annotate \
	  | grep -v -E "sys_platform == '(emscripten|win32)'$$" \
	  | sed -E "s/ ; sys_platform != 'emscripten'//; s/ ; implementation_name != 'PyPy'//; s/^(hf-xet==[^ ]*) ;.*/\1/"; \
	} > $(PINS).new
	mv $(PINS).new $(PINS)

.PHONY: constraints-engines
constraints-engines: ## pin what tools/engine installs (needs uv, and a Python 3.12)
	tools/pin-engines

.PHONY: wheel
wheel: venv ## build the wheel into dist/
	$(BIN)/python -m build --wheel

.PHONY: clean
clean: ## remove what was made in the tree; the cache outside stays
	rm -rf $(VENV) build dist demo .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
