"""Everything on docs/benchmarks-attention.md in one run: time and memory of the attention, beside its rivals."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import page
import pictures
import predictions
import targets

from kymath.nn.bench import Setting, bytes_per_token, layer, measure, times
from kymath.nn.bench.contenders import tokens

DOCS = Path(__file__).parents[2] / "docs"
WINDOWS = (15, 64, 128, 512)  # whose memory is measured
BEGIN = time.monotonic()


def announce(what):
    print(f"[{time.monotonic() - BEGIN:4.0f} s] {what}", flush=True)


def watch(done, total, text):
    announce(f"  {text}")


def on_cpu(given, out):
    """One thread, float32: the targets are of this."""
    lengths, wide_lengths = ((64, 256), (256,)) if given.quick else ((256, 1024, 4096, 8192), (4096,))
    options = {"seconds": 0.5 if given.quick else 30.0, "rounds": 3 if given.quick else 5, "watch": watch}
    announce("W = 15")
    narrow = measure(Setting(window=15, threads=1), lengths, **options)
    announce("W = 128")
    wide = measure(Setting(window=128, threads=1), wide_lengths, **options)
    announce("memory by W")
    memory = {
        (window, length): bytes_per_token("ky", Setting(window=window, threads=1), length)
        for window in WINDOWS
        for length in lengths[-2:]
    }
    long = at_length(512 if given.quick else predictions.LONG)
    goals = targets.everything(narrow, wide, memory)
    pictures.times(narrow, out / "benchmarks-attention.png")
    predicted = predictions.of_the_layer(narrow, long)
    text = page.on_cpu(narrow, wide, memory, predicted, goals, "benchmarks-attention.png")
    (out / "benchmarks-attention.md").write_text("\n".join(text), encoding="utf-8")
    announce(f"{sum(g.met for g in goals)} of {len(goals)} targets met; written to {out}")


def at_length(length):
    """Seconds of forward and backward, and bytes for each token, of the layer alone at a length."""
    announce(f"L = {length}")
    setting = Setting(window=15, threads=1)
    found = times({"ky": layer("ky", setting)}, *tokens(setting, length), seconds=0.0, rounds=2)
    return found["ky"][1], bytes_per_token("ky", setting, length)


def on_gpu(given, out):
    """Every backend in float32 and bfloat16; the page says which device."""
    lengths = (256, 1024) if given.quick else (256, 1024, 4096, 8192, 16_384, 32_768)
    measured = []
    for dtype in ("float32", "bfloat16"):
        for backend in ("blocked", "flex", "triton"):
            announce(f"{dtype}, {backend}")
            setting = Setting(dtype=dtype, device=given.device, backend=backend)
            measured.append(measure(setting, lengths, seconds=0.5 if given.quick else 3.0, watch=watch))
    name = f"benchmarks-attention-{given.device.partition(':')[0]}"
    pictures.times(measured[0], out / f"{name}.png")
    (out / f"{name}.md").write_text("\n".join(page.on_gpu(measured, f"{name}.png")), encoding="utf-8")
    announce(f"written to {out}")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="short sequences, written to a temporary folder")
    options.add_argument("--device", default="cpu", help="cuda writes a page of its own, with every backend")
    options.add_argument("--out", type=Path, help="the folder to write to (docs/)")
    given = options.parse_args()
    out = given.out or (Path(tempfile.gettempdir()) / "kymath-benchmarks" if given.quick else DOCS)
    out.mkdir(parents=True, exist_ok=True)
    (on_cpu if given.device == "cpu" else on_gpu)(given, out)


if __name__ == "__main__":
    main()
