"""Time of a training step by kind of operation, compared with the limit of the machine.

    python benchmarks/step_profile.py [--width 16 32 64] [--threads 1 2]

Profiles the pipeline's step (`e03-dcgan`, batch size 128) and sums the time within PyTorch's operations by kind. The
rest of a step, timed without the profiler, is Python and dispatch. The limit is the step's arithmetic at the speed of a
matrix product.
"""

import argparse
import os
import time
from collections import Counter
from itertools import islice

import numpy as np
from loops import IMAGE, pipeline_loop, run_in_subprocess
from torch.profiler import ProfilerActivity, profile

from training import LR, SEED, operations_per_image, peak_flops

KINDS = {
    "convolutions, forward": ("convolution", "mkldnn_convolution", "_convolution", "_slow_conv2d_forward"),
    "convolutions, gradients": ("convolution_backward",),
    "matrix products": ("mm", "bmm", "addmm", "mv", "addmv_"),
    "normalisation": ("native_batch_norm", "native_batch_norm_backward", "_batch_norm_impl_index"),
    "activations": ("leaky_relu_", "leaky_relu_backward", "clamp_min_", "threshold_backward", "tanh", "tanh_backward"),
    "optimisers and EMA": ("_fused_adam_", "_foreach_lerp_", "_foreach_add_", "lerp_"),
}
WARM_UP_STEPS, STEPS = 5, 20


def profile_step(width: int, batch: int, threads: int) -> tuple[float, dict[str, float]]:
    """Return milliseconds per step without the profiler, and by kind of operation with it."""
    pixels = np.random.default_rng(0).integers(0, 256, (4096, *IMAGE[:1], IMAGE.size, IMAGE.size), dtype=np.uint8)
    loop = pipeline_loop(pixels, width, batch, LR, threads, lowering=True, seed=SEED)
    for _ in islice(loop, WARM_UP_STEPS):
        pass
    started = time.perf_counter()
    for _ in islice(loop, STEPS):
        pass
    step = 1000 * (time.perf_counter() - started) / STEPS
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in islice(loop, STEPS):
            pass
    kind_of = {f"aten::{name}": kind for kind, names in KINDS.items() for name in names}
    spent: Counter[str] = Counter()
    for event in recorded.key_averages():
        if event.key.startswith("aten::"):
            spent[kind_of.get(event.key, "other operations")] += event.self_cpu_time_total / 1000 / STEPS
    return step, dict(spent)


def main() -> None:
    """Print one table per width and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, default=128)
    chosen = parser.parse_args()
    os.environ.setdefault("KINETO_LOG_LEVEL", "5")  # no warnings about missing GPUs
    for threads in chosen.threads:
        limit = run_in_subprocess(peak_flops, threads)
        for width in chosen.width:
            step, spent = run_in_subprocess(profile_step, width, chosen.batch, threads)
            least = 1000 * chosen.batch * operations_per_image(width) / limit
            print(
                f"\nwidth {width}, {threads} threads: {step:.1f} ms per step; "
                f"at the peak of {limit / 1e9:.0f} GFLOP/s {least:.1f} ms"
            )
            for kind in (*KINDS, "other operations"):
                print(f"  {kind:26} {spent.get(kind, 0.0):8.2f} ms")
            print(f"  {'rest: Python, dispatch':26} {step - sum(spent.values()):8.2f} ms", flush=True)


if __name__ == "__main__":
    main()
