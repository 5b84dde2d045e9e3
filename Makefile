# Everything is set up by the target that needs it. Works with GNU make 3.81, as macOS has it.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
ARGS :=
SECONDS_EACH := 60

# The first of these that is new enough and can make virtual environments.
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$p; break; fi; done)

.PHONY: help deps unit-deps demo test lint types unit pure protos rfc-coverage commands lab lab-uml lab-deps peer-deps crictl k8s e2e e2e-quick e2e-deps differential soak bench bench-lab fuzz sim clean

help:
	@echo "make demo    a real model answers on a pod IP, on this machine; ARGS=... goes to the demo"
	@echo "make test    lint, types for linux and darwin, import contracts, default tests"
	@echo "make lab     network namespaces against the Linux kernel (Linux, root); lab-uml: against a second one"
	@echo "make e2e     a real model and real processes"
	@echo "make differential  our TCP beside the kernel's, STORIES=300      make soak    HOURS=4 PACE=1"
	@echo "make sim     long simulations      make fuzz    SECONDS_EACH=60 for each target      make bench    benchmarks (bench-lab: as root)"
	@echo "make clean   removes what the others made"

deps: $(VENV)/.deps

# With a C compiler the packet kernel is compiled here; without one the interpreted kernel serves.
$(VENV)/.deps: pyproject.toml setup.py bronzewillow/wire/_kernel.py bronzewillow/wire/_native.pxd
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer with venv is needed: on macOS 'brew install python@3.13'," \
		"on Debian 'apt install python3 python3-venv'" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what bronzewillow and its tests need into $(VENV): about 400 MB, which takes minutes"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: deps
	$(BIN)/bronzewillow demo $(ARGS)

test: unit-deps lint types unit pure

lint: deps
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: deps
	$(BIN)/mypy --platform linux
	$(BIN)/mypy --platform darwin

unit: deps
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

# Second opinions; without them their tests are skipped, and the summary says so.
unit-deps:
	-$(call install_programs,tcpdump ip systemd-analyze,tcpdump iproute2 systemd)

# The interpreted kernel, where a compiler made another one.
pure: deps
	BRONZEWILLOW_PURE=1 $(BIN)/python -m pytest tests/unit/bronzewillow/wire tests/property/wire $(ARGS)

# Pages of docs/ from the marks of the tests, which are checked in as made; a test compares.
rfc-coverage: deps
	$(BIN)/python -m bronzewillow.testing.rfc_coverage
	$(BIN)/python -m bronzewillow.testing.tcp_cases

# The page of all commands, made from the programs themselves; a test compares.
commands: deps
	$(BIN)/python -m bronzewillow.testing.commands_page

# Code of the interfaces, which is checked in as made; a test compares.
protos: deps
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. runtime/api/*.proto
	$(BIN)/python -m grpc_tools.protoc -I. --grpc_python_out=. $(addprefix runtime/api/,$(addsuffix .proto,cri snapshots images content leases))

LAB_PACKAGES := iproute2 iputils-ping ethtool tcpdump iperf3 curl iptables ipset nftables openvswitch-switch \
	util-linux containerd python3-venv python3-dev gcc
LAB_PROGRAMS := ip ping ethtool tcpdump iperf3 curl iptables ipset nft ovs-vswitchd setpriv containerd cc

lab-deps:
	@test "$$(uname -s)" = Linux || { echo "make: the lab needs Linux network namespaces" >&2; exit 1; }
	@test "$$(id -u)" = 0 || { echo "make: the lab needs root, for network namespaces" >&2; exit 1; }
	@missing=; for p in $(LAB_PROGRAMS); do command -v $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if test -n "$$missing"; then echo "installing what gives$$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $(LAB_PACKAGES) </dev/null >/dev/null; fi

# In the order of the files: the tests of a module share one network, and what one leaves there is seen by the next.
lab: deps lab-deps
	BRONZEWILLOW_LAB="$$($(BIN)/python -m bronzewillow.testing.lab.environment)" \
		$(BIN)/python -m pytest -p no:randomly -m "lab and not uml and not perf" --durations=15 tests/lab $(ARGS)

# The part of the lab that needs a second Linux, for kernels without Geneve: user-mode-linux, which is for amd64.
lab-uml: deps lab-deps
	$(call install_programs,linux.uml modprobe,user-mode-linux kmod)
	BRONZEWILLOW_LAB="$$($(BIN)/python -m bronzewillow.testing.lab.environment)" \
		$(BIN)/python -m pytest -p no:randomly -m uml tests/lab $(ARGS)

# The same random stories told to our TCP and to the kernel's behind one relay; `lab` tells 60.
STORIES := 300
differential: deps lab-deps
	STORIES=$(STORIES) $(BIN)/python -m pytest -s -m lab tests/lab/test_differential.py $(ARGS)

# Mixed load for HOURS, each byte compared, and memory that must stay flat; they pass PACE times as fast.
HOURS := 4
PACE := 1
soak: deps
	$(BIN)/python -m benchmarks.soak --hours $(HOURS) --pace $(PACE)

# Programs that end-to-end tests speak with, where Debian's packages can be had.
PEER_PROGRAMS := tcpdump docker-registry skopeo openssl curl
define install_programs
	@missing=; for p in $(1); do command -v $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if test -n "$$missing" && test "$$(id -u)" = 0 && command -v apt-get >/dev/null 2>&1; then \
		echo "installing what gives$$missing"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $(2) </dev/null >/dev/null; fi
endef

peer-deps: deps
	$(call install_programs,$(PEER_PROGRAMS),$(PEER_PROGRAMS))
	$(BIN)/python -m runtime.models.smollm2 >/dev/null

# The two engines that no wheel brings are built once into .cache/engines: ten minutes on two cores.
e2e-deps: peer-deps
	$(call install_programs,cmake c++,cmake g++)
	@mkdir -p .cache
	tests/e2e/runm/engines.sh .cache/engines $(BIN)/python >.cache/engines.env

e2e: e2e-deps
	env $$(cat .cache/engines.env) $(BIN)/python -m pytest -m e2e $(ARGS)

# The contract of CRI with crictl itself, where CRICTL=PATH names one; without, a client of our own speaks.
crictl: deps
	@test -n "$(CRICTL)" || { echo "make: say CRICTL=/path/of/crictl" >&2; exit 1; }
	CRICTL=$(CRICTL) $(BIN)/python -m pytest tests/contract/cri $(ARGS)

# The contract of the API server on a real control plane, whose programs are in K8S_BIN; etcd may be Debian's.
k8s: deps
	@for p in kube-apiserver kube-controller-manager kube-scheduler; do test -x "$(K8S_BIN)/$$p" \
		|| { echo "make: $$p is missing: say K8S_BIN=FOLDER with the programs of Kubernetes" >&2; exit 1; }; done
	$(call install_programs,etcd,etcd-server)
	K8S_BIN="$(K8S_BIN)" $(BIN)/python -m pytest tests/contract/apiserver tests/contract/cluster $(ARGS)

# The part of e2e that needs no engine to be compiled.
e2e-quick: peer-deps
	$(BIN)/python -m pytest -m e2e -k 'not llama-server and not llama_server and not llama-cpp-python' $(ARGS)

sim: deps
	$(BIN)/python -m pytest -m slow --ignore=tests/fuzz $(ARGS)

# Coverage guides it where atheris can be installed (Linux); mutation is blind elsewhere.
fuzz: deps
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	if $(BIN)/python -c 'import atheris' 2>/dev/null; \
	then $(BIN)/python -m tests.fuzz.guided --seconds $(SECONDS_EACH) $(ARGS); \
	else FUZZ_SECONDS=$(SECONDS_EACH) $(BIN)/python -m pytest -m slow tests/fuzz $(ARGS); fi

bench: peer-deps
	$(BIN)/python -m runtime.models.smollm2 >/dev/null
	for name in kernel bulk proxy runm images cri kubelet; do $(BIN)/python -m benchmarks.$$name || exit 1; done

# The pod IP beside direct access, over a kernel VXLAN peer; then the stack beside others, over
# lossy roads too, and where its time goes, with pictures; docs/benchmarks.md gets the new tables of all.
bench-lab: deps lab-deps
	$(call install_programs,slirp4netns pasta wrk nginx,slirp4netns passt wrk nginx-light)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	export BRONZEWILLOW_LAB="$$($(BIN)/python -m bronzewillow.testing.lab.environment)"; \
		$(BIN)/python -m benchmarks.pod_ip --save && $(BIN)/python -m benchmarks.flame --save && \
		$(BIN)/python -m benchmarks.loss --save && \
		$(BIN)/python -m benchmarks.stacks --save $(ARGS)

clean:
	rm -rf $(VENV) build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f bronzewillow/wire/_native*.so bronzewillow/wire/_native.c
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
