#!/usr/bin/env bash
# Runs a job of jobs/ on Spark, from whatever folder it is called in. The first time, it makes the environment that needs.
set -euo pipefail

here=${BASH_SOURCE[0]}
while [ -L "$here" ]; do
    link=$(readlink "$here")
    case "$link" in /*) here=$link ;; *) here=$(dirname "$here")/$link ;; esac
done
root=$(cd "$(dirname "$here")" && pwd -P)
if [ -w "$root" ]; then made=$root; else made=${XDG_CACHE_HOME:-$HOME/.cache}/treefold/checkout-$(cksum <<<"$root" | cut -d' ' -f1); fi
venv=$root/.venv

jobs() {
    (cd "$root/jobs" && ls -- [a-z]*.py | sed 's/\.py$//' | paste -sd' ')
}

targets() {
    (cd "$root/conf/spark" && ls -- *.conf | sed 's/\.conf$//' | grep -v '[0-9]$' | paste -sd'|')
}

usage() {
    cat <<USAGE
usage: ./spark-submit.sh [--target $(targets)] JOB CONF [table.key=value ...] [--overwrite] [--fresh]
       ./spark-submit.sh JOB --help
       ./spark-submit.sh --setup [dev|docs]     make the environment and stop

jobs: $(jobs)
--target picks conf/spark/TARGET.conf, Spark's properties (default: local)
Paths are relative to the folder that this is called in.
PYTHON names another interpreter than the first new enough of python3, python3.13, 3.12, 3.11, 3.14.
USAGE
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

is_ready() {
    local stamp stamps=("$venv/.ready-$1")
    if [ "$1" != docs ]; then stamps+=("$venv/.ready-dev"); fi # which has the packages of all other extras
    for stamp in "${stamps[@]}"; do
        if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return 0; fi
    done
    return 1
}

# The environment is complete when its stamp matches what it was made from; anything less is made again.
setup() {
    local extra="${1:-}" wanted python
    wanted=$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)
    if is_ready "$extra"; then return; fi
    venv=$made/.venv
    if is_ready "$extra"; then return; fi
    python=$(find_python) || exit
    mkdir -p "$made" 2>/dev/null || fail "neither $root nor $made can be written: set XDG_CACHE_HOME to a folder that can"
    exec 9>"$made/.venv.lock"
    if command -v flock >/dev/null; then flock 9; fi
    if is_ready "$extra"; then return; fi
    echo "first run: making $venv with $("$python" -V) and the versions of constraints.txt (a minute or two)" >&2
    "$python" -m venv "$venv" >&2
    (cd "$root" && "$venv/bin/python" - "$extra" >&2) <<'INSTALL' || fail "the packages could not be installed: see above, then run this again"
import subprocess, sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
packages = project["dependencies"] + project["optional-dependencies"].get(sys.argv[1], [])
pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
sys.exit(subprocess.call(pip + packages))
INSTALL
    echo "$wanted" >"$venv/.ready-$extra"
    echo "first run: $venv is ready" >&2
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
[ -f "$root/jobs/$job.py" ] || fail "there is no job '$job': there are $(jobs)"
properties=$root/conf/spark/$target.conf
[ -f "$properties" ] || fail "there is no conf/spark/$target.conf: write one with spark.master for target '$target', or use --target local"
[ -n "${JAVA_HOME:-}" ] || unset JAVA_HOME
check_java
if grep -Eq '^[[:space:]]*spark\.master[[:space:]=:]+yarn' "$properties"; then setup yarn; else setup; fi

# What runs left behind that were killed with SIGKILL: each holds a lock on its folder as long as one of its processes
# lives, whoever has its number now.
sweep() {
    local old
    for old in "$made"/build/job.*; do
        if [ -f "$old/lock" ] && (flock -n 7) 7<"$old/lock"; then rm -rf "$old"; fi
    done
}

mkdir -p "$made/build" || fail "$made/build cannot be made: make room there"
if command -v flock >/dev/null; then sweep; fi
work=$(mktemp -d "$made/build/job.XXXXXX")
child=
trap 'if [ -z "$child" ]; then rm -rf "$work"; fi' EXIT
exec 8>"$work/lock"
if command -v flock >/dev/null; then flock 8; fi

# Where the folder for temporary files cannot be written, Java, Python and Spark are given one here.
if ! [ -w "${TMPDIR:-/tmp}" ]; then
    export TMPDIR=$work/tmp
    mkdir "$TMPDIR"
    export SPARK_SUBMIT_OPTS="${SPARK_SUBMIT_OPTS:-} -Djava.io.tmpdir=$TMPDIR"
    grep -q '^spark.local.dir' "$properties" || export SPARK_LOCAL_DIRS=${SPARK_LOCAL_DIRS:-$TMPDIR}
fi
(cd "$root/lib" && "$venv/bin/python" -m zipfile -c "$work/treefold.zip" treefold)

# The driver is a Python process that starts Spark's JVM by spark-submit once it has found nothing wrong with the conf.
unset SPARK_HOME PYSPARK_DRIVER_PYTHON PYSPARK_DRIVER_PYTHON_OPTS PYSPARK_SUBMIT_ARGS PYSPARK_GATEWAY_PORT
export SPARK_CONF_DIR=$root/conf/spark PYSPARK_PYTHON=$venv/bin/python PYTHONPATH=$root/lib
export PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 TREEFOLD_PROPERTIES=$properties TREEFOLD_LIBRARY=$work/treefold.zip TREEFOLD_SCRIPT=1

GRACE=8 # seconds for Spark to end in good order, fewer than the ten that docker stop gives

# Hands a signal to the driver, which ends Spark; whatever of its process group is left after the time of grace is killed.
stop() {
    trap '' INT TERM HUP
    kill -s "$1" "$child" 2>/dev/null || true
    local tenths=$((GRACE * 10))
    while alive && [ $((tenths -= 1)) -gt 0 ]; do sleep 0.1; done
    kill -KILL -- "-$child" 2>/dev/null || true
}

alive() {
    kill -0 -- "-$child" 2>/dev/null
}

status=0
set -m # a process group of its own for the driver and its JVM
"$venv/bin/python" -P -m treefold "$job" "$@" &
child=$!
set +m
trap 'stop INT; status=130' INT
trap 'stop TERM; status=143' TERM
trap 'stop HUP; status=129' HUP
wait "$child" || ended=$?
if [ "$status" = 0 ]; then status=${ended:-0}; fi
for _ in $(seq 100); do
    if ! alive; then break; fi
    sleep 0.1
done
kill -KILL -- "-$child" 2>/dev/null || true
rm -rf "$work"
exit "$status"
