# Two tests at a time: most of a test is one process waiting for another. Threads of BLAS would only get in their way.
PYTEST = OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: setup test test-pure lint bench chaos clean

setup:
	@./spark-submit.sh --setup dev

test: setup
	$(PYTEST)

# Statistics, solvers and algorithms: no JVM, seconds.
test-pure: setup
	$(PYTEST) -m "not spark"

lint: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

# Writes benchmarks/results/*.json and prints ratios against MLlib and scikit-learn.
bench: setup
	PYTHONPATH=lib .venv/bin/python -m benchmarks.logistic
	PYTHONPATH=lib .venv/bin/python -m benchmarks.linear
	PYTHONPATH=lib .venv/bin/python -m benchmarks.kmeans
	PYTHONPATH=lib .venv/bin/python -m benchmarks.forest
	@if [ -n "$$TREEFOLD_DATA" ]; then PYTHONPATH=lib .venv/bin/python -m benchmarks.forest_scores; fi
	PYTHONPATH=lib .venv/bin/python -m benchmarks.selection
	PYTHONPATH=lib .venv/bin/python -m benchmarks.scale
	PYTHONPATH=lib .venv/bin/python -m benchmarks.skew

# Fits on a cluster under faults drawn by a seed; ends with code 1 if anything came out wrong or was left behind.
chaos: setup
	PYTHONPATH=lib .venv/bin/python -m benchmarks.chaos --kills 50

clean:
	rm -rf .venv .venv.lock build out .pytest_cache .mypy_cache .ruff_cache
