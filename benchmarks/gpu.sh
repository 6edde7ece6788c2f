#!/usr/bin/env bash
# Checks and times recbench on a real GPU in under 8 minutes: `benchmarks/gpu.sh [FOLDER]`. DEVICE=cpu is a rehearsal.
#
# 1. The clock of CUDA events, which nothing but a stand-in has tried, against the host's clock.
# 2. A small matrix on the CPU and on the GPU: the same cells must be ok, at about the same quality.
# 3. `recbench time`: rates, percentiles and memory of everything that is installed. What the time does not suffice for
#    is left out of the file.
# Each step has a limit; what a step leaves of its own is the last one's. Exit code 1: a step failed or hit its limit.
# Figures from a GPU are labelled unverified until the output of a run of this script is committed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
out=${1:-runs/gpu}
device=${DEVICE:-cuda}
bin=${BIN:-.venv/bin}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
code=0
mkdir -p "$out" || exit

within() {  # SECONDS COMMAND: interrupts what takes longer, and kills what does not end then
    timeout -s INT -k 5 "$@"
}
missed() {
    echo "$1" >&2
    code=1
}

echo "== 1. two clocks"
within 40 "$bin/python" benchmarks/throughput/clock.py "$device" | tee "$out/clock.txt" || missed "the clock failed"

echo "== 2. one matrix on two devices"
for each in cpu "$device"; do
    within 90 "$bin/recbench" run benchmarks/throughput/devices.toml --device "$each" --out "$out/matrix-$each" \
        > "$out/matrix-$each.txt" || missed "not every cell of the run on $each is ok"
done
within 20 "$bin/python" benchmarks/throughput/agree.py "$out/matrix-cpu" "$out/matrix-$device" | tee "$out/agree.txt" \
    || missed "the devices cannot be compared, or disagree"

echo "== 3. everything, timed"
# At least 200 s, when all of the above has hit its limit; then 15 s to write what there is.
timeout -s INT -k 15 $((460 - SECONDS)) "$bin/recbench" time --device "$device" --seconds 15 --out "$out/throughput.json" \
    || missed "not everything was timed"
echo "figures are in $out; $SECONDS s in all"
exit $code
