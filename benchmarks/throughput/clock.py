"""The device's clock against the host's: `python benchmarks/throughput/clock.py [cuda]`.

Matrix products that take milliseconds are queued and timed by both: by `timer_of(device)`, and by the host's
performance counter around a synchronization. Fails where the medians are more than 5% apart, or where ten
times the work does not take about ten times as long: then the clock does not wait for the device.
"""

import statistics
import sys
import time

import torch

from recbench.throughput.timer import timer_of

TOLERANCE = 0.05
ROUNDS = 20
SIZE = 2048


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device != "cpu":
        torch.cuda.synchronize()


def main() -> None:
    """Print both medians for some products and for ten times as many."""
    device = sys.argv[1] if len(sys.argv) > 1 else "cuda"
    timer = timer_of(device)
    products = 20 if device == "cpu" else 50
    matrix = torch.ones(64 if device == "cpu" else SIZE, SIZE, device=device)

    def measure(count: int) -> tuple[float, float]:
        """Median seconds by the device's clock and by the host's."""
        pairs = []
        for _ in range(ROUNDS):
            synchronize(device)
            host, own = time.perf_counter(), timer()
            for _ in range(count):
                matrix @ matrix.T
            own = timer() - own
            synchronize(device)
            pairs.append((own, time.perf_counter() - host))
        own_median, host_median = (statistics.median(each) for each in zip(*pairs, strict=True))
        return own_median, host_median

    measure(products)  # warm-up
    few, many = measure(products), measure(10 * products)
    for count, (own, host) in ((products, few), (10 * products, many)):
        print(f"{count:4} products: {1000 * own:9.3f} ms by the device's clock, {1000 * host:9.3f} ms by the host's")
    apart = max(abs(own / host - 1) for own, host in (few, many))
    print(f"at most {100 * apart:.1f}% apart; ten times the work takes {many[0] / few[0]:.1f} times as long")
    if apart > TOLERANCE or not 5 < many[0] / few[0] < 20:
        raise SystemExit("the clocks disagree")


if __name__ == "__main__":
    main()
