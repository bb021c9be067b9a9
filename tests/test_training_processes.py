"""Several processes train as one."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="kymath.training needs torch")

from small_runs import metrics, one_thread, weights  # noqa: E402, F401

from kymath.training import Settings, train  # noqa: E402

SMALL = ["--batch", "5", "--max-len", "12", "--tokenizer", "byte", "--window", "4", "--device", "cpu"]


def launched(*argv):
    """What two processes print, started by ``accelerate launch``: DDP over gloo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
               "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", port,
               *map(str, argv)]  # fmt: skip
    launcher = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, start_new_session=True, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    try:
        out, err = launcher.communicate(timeout=300)
    finally:  # the workers of a launcher that does not end are its group's
        if launcher.poll() is None:
            os.killpg(launcher.pid, signal.SIGKILL)
    assert launcher.returncode == 0, err
    return out


def test_two_processes_train_as_one(text, tmp_path):
    """The batch is shared, so the steps are those of one process."""
    alone = train(Settings.of("tiny", data=str(text), tokenizer="byte", max_steps=6, batch=5, max_len=12, window=4),
                  tmp_path / "one", device="cpu")  # fmt: skip
    said = launched("-m", "kymath", "train", "--max-steps", "6", "--data", text, "--out", tmp_path / "two", *SMALL)
    assert said.count("2 processes") == 1  # one speaks
    both = json.loads((tmp_path / "two" / "summary.json").read_text())
    assert both["loss"] == pytest.approx(alone["loss"], rel=1e-4)
    ours, theirs = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert ours.keys() == theirs.keys()
    assert all((ours[name] - theirs[name]).abs().max() < 1e-3 for name in ours)
    assert [r["step"] for r in metrics(tmp_path / "two")] == [1, 2, 3, 4, 5, 6, 6]


THREADS = """
import sys
from pathlib import Path
from kymath.cli import main

assert main(sys.argv[1:]) == 0
names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
assert names
assert not [name for name in names if "gloo" in name], names
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed by Linux only")
def test_the_threads_of_the_group_end_with_the_run(text, tmp_path):
    """One that lives on may touch a tensor while Python ends, and the process then aborts."""
    (tmp_path / "script.py").write_text(THREADS)
    launched(tmp_path / "script.py", "train", "--max-steps", "1", "--data", text, "--out", tmp_path / "out", *SMALL)


SHARDED = """
import sys
from pathlib import Path
import torch, torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from kymath.nn import Condor, CondorConfig
from kymath.training import Settings, state

dist.init_process_group("gloo")
mesh, out = init_device_mesh("cpu", (2,)), Path(sys.argv[1])
config = CondorConfig(vocab_size=50, d_model=16, num_layers=2, num_heads=2)

def make(seed, sharded=True):
    model = Condor(config, generator=torch.Generator().manual_seed(seed))
    for layer in [*model.layers, model] if sharded else []:
        fully_shard(layer, mesh=mesh)
    return model, torch.optim.AdamW(model.parameters(), lr=1e-2)

def steps(model, optimiser, first):
    losses = []
    for k in range(first, first + 3):
        ids = torch.randint(0, 50, (2, 9), generator=torch.Generator().manual_seed(k))
        loss = model(ids).logsumexp(-1).mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses

run = make(0)
steps(*run, 0)
state.write(out, Settings.of("tiny"), "", state.Progress(3), *run, writes=dist.get_rank() == 0)
dist.barrier()
wanted = steps(*run, 3)
for sharded in (True, False):
    other = make(7, sharded)
    state.restore(state.read(out), config, *other)
    assert steps(*other, 3) == wanted, (sharded, wanted)
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_sharded_weights_are_saved_whole_and_restored(tmp_path):
    """FSDP2 over two processes: the state goes on exactly, sharded again or not."""
    (tmp_path / "script.py").write_text(SHARDED)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
         str(tmp_path / "script.py"), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
