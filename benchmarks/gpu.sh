#!/usr/bin/env bash
# Checks and times recbench on a real GPU in under 8 minutes: `benchmarks/gpu.sh [FOLDER]`. DEVICE=cpu is a rehearsal.
#
# 1. The clock of CUDA events, which nothing but a stand-in has tried, against the host's clock.
# 2. A small matrix on the CPU and on the GPU: the same cells must be ok, at about the same quality.
# 3. `recbench time`: rates, percentiles and memory of everything that is installed. What the time does not suffice for
#    is left out of the file.
# Figures from a GPU are labelled unverified until the output of a run of this script is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/gpu}
device=${DEVICE:-cuda}
bin=${BIN:-.venv/bin}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
began=$(date +%s)
mkdir -p "$out"

echo "== 1. two clocks"
timeout 60 "$bin/python" benchmarks/throughput/clock.py "$device" | tee "$out/clock.txt"

echo "== 2. one matrix on two devices"
for each in cpu "$device"; do
    "$bin/recbench" run benchmarks/throughput/devices.toml --device "$each" --out "$out/matrix-$each" \
        > "$out/matrix-$each.txt" || echo "not every cell of the run on $each is ok"
done
"$bin/python" benchmarks/throughput/agree.py "$out/matrix-cpu" "$out/matrix-$device" | tee "$out/agree.txt"

echo "== 3. everything, timed"
left=$((470 - $(date +%s) + began))
timeout -s INT "$left" "$bin/recbench" time --device "$device" --seconds 15 --out "$out/throughput.json" \
    || echo "not everything was timed"
echo "figures are in $out/throughput.json; $(($(date +%s) - began)) s in all"
