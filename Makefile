# Two tests at a time: most of a test is one process waiting for another. Threads of BLAS would only get in their way.
PYTEST = OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup test test-pure test-processes test-cluster test-yarn test-k8s coverage lint docs figures bench chaos clean

help: ## Show the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: ## Make .venv with the versions of constraints.txt.
	@./spark-submit.sh --setup dev

test: setup ## Run all tests but those of test-processes, test-cluster, test-yarn and test-k8s.
	$(PYTEST) -m "not processes" --ignore=tests/cluster --ignore=tests/yarn --ignore=tests/k8s

test-pure: setup ## Run the tests that need no JVM.
	$(PYTEST) -m "not spark"

test-processes: setup ## Run the tests of jobs that are stopped, killed and resumed.
	$(PYTEST) -m processes --ignore=tests/cluster --ignore=tests/yarn --ignore=tests/k8s

test-cluster: setup ## Run the tests on a standalone cluster under faults.
	$(PYTEST) tests/cluster

test-yarn: setup ## Run jobs on YARN and HDFS, daemons of Hadoop that Maven fetches once.
	.venv/bin/python -m pytest tests/yarn

test-k8s: setup ## Run jobs on a node of Kubernetes, whose programs Go builds once (as root, with containerd and runc).
	.venv/bin/python -m pytest tests/k8s

lint: setup ## Check format, lint and types.
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

coverage: setup ## Run the tests that need no JVM and show which lines of the library they reach.
	$(PYTEST) -m "not spark" --cov=treefold --cov-report=term:skip-covered --cov-report=html:build/coverage

docs: ## Build the documentation site in build/site; warnings are errors.
	@./spark-submit.sh --setup docs
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=lib .venv/bin/mkdocs build --strict

figures: setup ## Draw the pictures of the documentation again, from data/digits.
	PYTHONPATH=lib .venv/bin/python docs/scripts/figures.py

bench: setup ## Write benchmarks/results/*.json and print ratios against MLlib and scikit-learn.
	PYTHONPATH=lib .venv/bin/python -m benchmarks.logistic
	PYTHONPATH=lib .venv/bin/python -m benchmarks.linear
	PYTHONPATH=lib .venv/bin/python -m benchmarks.kmeans
	PYTHONPATH=lib .venv/bin/python -m benchmarks.forest
	@if [ -n "$$TREEFOLD_DATA" ]; then PYTHONPATH=lib .venv/bin/python -m benchmarks.forest_scores; fi
	@if [ -n "$$TREEFOLD_DATA" ]; then PYTHONPATH=lib .venv/bin/python -m benchmarks.row_order; fi
	@if [ -n "$$TREEFOLD_DATA" ]; then PYTHONPATH=lib .venv/bin/python -m benchmarks.svm; fi
	PYTHONPATH=lib .venv/bin/python -m benchmarks.perceptron --data "$$TREEFOLD_DATA"
	@if [ -n "$$TREEFOLD_DATA" ]; then PYTHONPATH=lib .venv/bin/python -m benchmarks.perceptron_scores; fi
	PYTHONPATH=lib .venv/bin/python -m benchmarks.selection
	PYTHONPATH=lib .venv/bin/python -m benchmarks.pipelines
	PYTHONPATH=lib .venv/bin/python -m benchmarks.scale
	PYTHONPATH=lib .venv/bin/python -m benchmarks.skew
	PYTHONPATH=lib .venv/bin/python -m benchmarks.privacy
	PYTHONPATH=lib .venv/bin/python -m benchmarks.cluster_passes

# It ends with code 1 if anything came out wrong or was left behind.
chaos: setup ## Fit on a cluster under faults drawn by a seed.
	PYTHONPATH=lib .venv/bin/python -m benchmarks.chaos --kills 50

clean: ## Remove the environment, outputs and caches.
	rm -rf .venv .venv.lock build out .pytest_cache .mypy_cache .ruff_cache
