"""Memory: how far one forward and backward pass raises the peak, in a process that does nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import torch

from .contenders import Setting, layer, tokens
from .timing import both

_SHORT = 64  # tokens of the first pass, after which libraries are loaded and the weights have their gradients
_CODE = "import sys; from kymath.nn.bench.memory import tell; tell(sys.argv[1])"


def bytes_per_token(name: str, setting: Setting, length: int) -> float | None:
    """The peak of forward and backward beyond weights, their gradients, x and the gradient from above, by B · L.

    Of the process in main memory, of torch's allocator on CUDA; None where neither can be told, or memory ran out.
    """
    asked = json.dumps([name, asdict(setting), length])
    done = subprocess.run([sys.executable, "-c", _CODE, asked], capture_output=True, text=True)
    if done.returncode:
        return None
    found = json.loads(done.stdout)
    return None if found is None else found / (setting.batch * length)


def tell(asked: str) -> None:
    """Print the peak in bytes; the other process' side of :func:`bytes_per_token`."""
    name, given, length = json.loads(asked)
    setting = Setting(**given)
    if setting.threads is not None:
        torch.set_num_threads(setting.threads)
    one = layer(name, setting)
    both(one, *tokens(setting, min(_SHORT, length)))
    x, grad = tokens(setting, length)
    before = _now(x.device)
    both(one, x, grad)
    after = _peak(x.device)
    print(json.dumps(None if before is None or after is None else max(after - before, 0)))


def _now(device: torch.device) -> int | None:
    """What is in use; where only a peak can be read, the peak so far."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    if device.type != "cpu":
        return None
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # on Linux: forget the peak of the imports
    return _status("VmRSS") or _peak(device)


def _peak(device: torch.device) -> int | None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    told = _status("VmHWM")
    if told is None and sys.platform != "win32":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return told


def _status(word: str) -> int | None:
    """A line of Linux' account of this process: ru_maxrss would still know the process that started it."""
    try:
        found = re.search(rf"{word}:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        return None
    return None if found is None else int(found[1]) * 1024
