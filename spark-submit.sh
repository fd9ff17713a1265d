#!/usr/bin/env bash
# Runs a job of jobs/ through Spark's own spark-submit. The first time, it makes the environment that needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<EOF
usage: ./spark-submit.sh [--target local|standalone|yarn|k8s] JOB CONF [table.key=value ...] [--overwrite]
       ./spark-submit.sh JOB --help
       ./spark-submit.sh --setup [dev]     make the environment and stop

jobs: $(cd jobs && ls -- *.py | sed 's/\.py$//' | paste -sd' ')
--target picks conf/spark/TARGET.conf, Spark's properties (default: local)
PYTHON names another interpreter than the first new enough of python3, python3.13, 3.12, 3.11, 3.14.
EOF
}

fail() {
    echo "error: $*" >&2
    exit 2
}

find_python() {
    local python
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    fail "no Python 3.11 or newer (${PYTHON:-python3} is $("${PYTHON:-python3}" -V 2>&1 | head -1 || true)): install one, or set PYTHON to its path"
}

check_java() {
    local java="${JAVA_HOME:+$JAVA_HOME/bin/}java" version
    version=$("$java" -version 2>&1) || fail "no Java ($java does not run): install Java 17 or newer, or set JAVA_HOME"
    version=$(sed -n 's/.*version "\([0-9]*\).*/\1/p' <<<"$version" | head -1)
    [ "${version:-0}" -ge 17 ] || fail "Java ${version:-?} is too old ($java): install Java 17 or newer, or set JAVA_HOME"
}

# The environment is complete when its stamp matches what it was made from; anything less is made again.
setup() {
    local extra="${1:-}" stamp wanted python
    wanted=$(cat pyproject.toml constraints.txt | cksum)
    for stamp in .venv/.ready-dev .venv/.ready-"$extra"; do
        if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
    done
    python=$(find_python)
    exec 9>.venv.lock
    if command -v flock >/dev/null; then flock 9; fi
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
    echo "first run: making .venv with $("$python" -V) and the versions of constraints.txt (a minute or two)" >&2
    "$python" -m venv .venv >&2
    .venv/bin/python - "$extra" >&2 <<'EOF' || fail "the packages could not be installed: see above, then run this again"
import subprocess, sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
packages = project["dependencies"] + project["optional-dependencies"].get(sys.argv[1], [])
pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
sys.exit(subprocess.call(pip + packages))
EOF
    echo "$wanted" >"$stamp"
    echo "first run: .venv is ready" >&2
    exec 9>&-
}

target=local
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage && exit ;;
        --setup) setup "${2:-}" && exit ;;
        --target) [ $# -ge 2 ] || fail "--target needs a name" && target=$2 && shift 2 ;;
        --target=*) target=${1#*=} && shift ;;
        -*) fail "unknown option $1: options of a job come after its name (./spark-submit.sh --help)" ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || { usage >&2 && exit 2; }

job=$1 && shift
[ -f "jobs/$job.py" ] || fail "there is no job '$job': there are $(cd jobs && ls -- *.py | sed 's/\.py$//' | paste -sd' ')"
properties=conf/spark/$target.conf
[ -f "$properties" ] || fail "there is no $properties: write one with spark.master for target '$target', or use --target local"
[ -n "${JAVA_HOME:-}" ] || unset JAVA_HOME
check_java
setup

export SPARK_CONF_DIR=$PWD/conf/spark PYSPARK_PYTHON=$PWD/.venv/bin/python PYTHONDONTWRITEBYTECODE=1
unset SPARK_HOME PYTHONPATH
mkdir -p build
library=$(mktemp -d build/job.XXXXXX)
trap 'rm -rf "$library"' EXIT

# Where the folder for temporary files cannot be written, Java, Python and Spark are given one here.
if ! [ -w "${TMPDIR:-/tmp}" ]; then
    export TMPDIR=$PWD/$library/tmp
    mkdir "$TMPDIR"
    export SPARK_SUBMIT_OPTS="${SPARK_SUBMIT_OPTS:-} -Djava.io.tmpdir=$TMPDIR"
    grep -q '^spark.local.dir' "$properties" || export SPARK_LOCAL_DIRS=${SPARK_LOCAL_DIRS:-$TMPDIR}
fi
(cd lib && "$PYSPARK_PYTHON" -m zipfile -c "../$library/treefold.zip" treefold)

# What the JVM and the Python workers say, without two lines that mean nothing: Java's note on its vector module, and the
# broken pipes of idle workers that see Spark's end before PySpark's daemon stops them (several at once, lines mixed, the
# last cut off where the daemon was quicker).
quiet() {
    awk '/^WARNING: Using incubator modules/ { next }
         /^Traceback \(most recent call last\):$/ { open++; held = held $0 "\n"; next }
         open && /^ / { held = held $0 "\n"; next }
         open && /^BrokenPipeError/ && held ~ /pyspark\/daemon\.py/ { if (--open == 0) held = ""; next }
         { printf "%s", held; print; held = ""; open = 0; fflush() }
         END { if (held !~ /pyspark\/daemon\.py/ && held !~ /^(Traceback[^\n]*\n)+$/) printf "%s", held }'
}

# spark-submit mixes a Python job's stderr into its stdout: both go to stderr here, and the result takes a file of its own.
export TREEFOLD_RESULT=$PWD/$library/result
if [ -t 2 ]; then export TREEFOLD_TERMINAL=1; fi
status=0
.venv/bin/spark-submit --properties-file "$properties" --py-files "$library/treefold.zip" "jobs/$job.py" "$@" >&2 \
    2> >(quiet >&2) || status=$?
if [ -f "$TREEFOLD_RESULT" ]; then cat "$TREEFOLD_RESULT"; fi
exit "$status"
