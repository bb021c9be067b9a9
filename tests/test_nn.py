"""ky_attention: every backend against plain loops, gradients, edges, causality, precision, compilation, arguments."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
nn = pytest.importorskip("kymath.nn")

from small_models import one_thread  # noqa: E402, F401

from kymath.nn import flex, ky_attention, reference  # noqa: E402
from kymath.nn.blocked import _packed, _window  # noqa: E402
from kymath.nn.rope import rope_table, rotate  # noqa: E402

WINDOWS = (1, 2, 15, 16, 128)
LENGTHS = (1, 2, 7, 16, 17, 100, 257)
FORMS = [(w, causal, edge) for w in (*WINDOWS, 129) for causal in (True, False) for edge in ("mask", "reference")]
FORMS = [form for form in FORMS if form[1] or form[0] % 2]


def plain(q, k, v, bias, causal=True, scale=None, edge="mask", eps=0.0):
    """Eq. 42–49, token by token and slot by slot, in doubles."""
    q, k, v, bias = (np.asarray(x.detach().double()) for x in (q, k, v, bias))
    batch, heads, length, dim = q.shape
    window = bias.shape[1]
    first = window - 1 if causal else window // 2
    out = np.zeros_like(q)
    for b, h, i in np.ndindex(batch, heads, length):
        alpha, values = [], []
        for j in range(window):
            at = i - first + j
            if 0 <= at < length:
                alpha.append(math.exp(float(q[b, h, i] @ k[b, h, at]) * (dim**-0.5 if scale is None else scale)))
                values.append(v[b, h, at])
            else:
                alpha.append(1.0 if edge == "reference" else 0.0)
                values.append(np.zeros(dim))
        beta = np.exp(bias[h])
        alpha, beta = np.array(alpha) / sum(alpha), beta / sum(beta)
        w = alpha * beta
        out[b, h, i] = (w / (w.sum() + eps)) @ np.array(values)
    return out


def tensors(length, window, batch=1, heads=2, dim=4, dtype=torch.float32, grad=False, seed=0):
    rng = torch.Generator().manual_seed(seed + 1000 * length + window)
    shapes = [(batch, heads, length, dim)] * 3 + [(heads, window)]
    return [torch.randn(s, generator=rng, dtype=torch.float64).to(dtype).requires_grad_(grad) for s in shapes]


@pytest.mark.parametrize(("window", "causal", "edge"), FORMS)
def test_forward_is_the_paper_in_plain_loops(window, causal, edge):
    for length in LENGTHS:
        given = tensors(length, window, heads=2 if length < 100 else 1)
        truth = plain(*given, causal=causal, edge=edge)
        for backend in ("blocked", "reference"):
            got = ky_attention(*given, causal=causal, edge=edge, backend=backend)
            assert np.abs(got.numpy() - truth).max() < 1e-5, (length, backend)


@pytest.mark.parametrize(("window", "causal", "edge"), [f for f in FORMS if f[0] in (1, 2, 15, 129)])
def test_gradients_in_finite_differences(window, causal, edge):
    for length in (1, 5, 18):
        given = tensors(length, window, heads=1, dim=2, dtype=torch.float64, grad=True)
        for backend in ("blocked", "reference"):
            f = lambda *x, backend=backend: ky_attention(*x, causal=causal, edge=edge, backend=backend)
            assert torch.autograd.gradcheck(f, given, fast_mode=True)


@pytest.mark.parametrize(("window", "causal", "edge"), FORMS)
def test_gradients_over_many_chunks(window, causal, edge):
    for length, batch in ((257, 1), (600, 1), (20, 40)):
        given = tensors(length, window, batch, dtype=torch.float64, grad=True)
        back = torch.randn(given[0].shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        a, b = (ky_attention(*given, causal=causal, edge=edge, backend=way) for way in ("blocked", "reference"))
        assert (a - b).abs().max() < 1e-12
        for x, y in zip(torch.autograd.grad(a, given, back), torch.autograd.grad(b, given, back), strict=True):
            assert (x - y).abs().max() < 1e-10, (length, batch)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("edge", ["mask", "reference"])
def test_a_future_token_changes_nothing(dtype, edge):
    for window in WINDOWS:
        q, k, v, bias = tensors(70, window, dtype=dtype)
        before = ky_attention(q, k, v, bias, edge=edge)
        for x in (q, k, v):
            x[:, :, 41:] += 3
        after = ky_attention(q, k, v, bias, edge=edge)
        assert torch.equal(before[:, :, :41], after[:, :, :41])
        assert not torch.equal(before[:, :, 41:], after[:, :, 41:])


def test_a_centred_window_sees_half_of_itself_ahead():
    q, k, v, bias = tensors(70, 15)
    before = ky_attention(q, k, v, bias, causal=False)
    v[:, :, 41] += 3
    moved = (ky_attention(q, k, v, bias, causal=False) - before).abs().amax((0, 1, 3)) > 0
    assert moved.nonzero()[:, 0].tolist() == list(range(34, 49))


def test_the_identity_with_standard_attention():
    q, k, v, _ = tensors(50, 50)
    truth = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    for shift in (0.0, 7.0):  # a constant connection function, Theorem 5.1
        assert (ky_attention(q, k, v, torch.full((2, 50), shift)) - truth).abs().max() < 1e-5


def test_epsilon_of_equation_48():
    given = tensors(20, 5)
    for eps in (1e-9, 1e-2):
        got = ky_attention(*given, eps=eps, backend="reference")
        assert np.abs(got.numpy() - plain(*given, eps=eps)).max() < 1e-5
    q, k, v, bias = given
    sharp = ky_attention(200 * q, k, v, 50 * bias)  # Σαβ underflows, softmax(s + c) does not
    assert torch.isfinite(sharp).all()
    assert (ky_attention(200 * q, k, v, 50 * bias, backend="reference") - sharp).abs().max() < 1e-4


def test_scale_batches_and_strides():
    q, k, v, bias = tensors(33, 4, batch=3, heads=3, dim=5)
    turned = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]
    got = ky_attention(*turned, bias.T.contiguous().T, scale=0.7)
    assert np.abs(got.numpy() - plain(q, k, v, bias, scale=0.7)).max() < 1e-5
    for shape in ((0, 2, 5, 4), (2, 2, 0, 4)):
        x = torch.zeros(shape, requires_grad=True)
        bias = torch.zeros(2, 3, requires_grad=True)
        out = ky_attention(x, x, x, bias)
        out.sum().backward()
        assert out.shape == shape
        assert bias.grad.eq(0).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_any_number_of_threads(threads):
    torch.set_num_threads(threads)  # put back by the fixture
    given = tensors(700, 15, batch=2, grad=True)
    out = ky_attention(*given)
    out.sum().backward()
    truth = ky_attention(*given, backend="reference")
    assert (out - truth).abs().max() < 1e-5


@pytest.mark.parametrize(("dtype", "close"), [(torch.bfloat16, 2e-2), (torch.float16, 2e-3)])
def test_half_precision(dtype, close):
    given = tensors(100, 15, dtype=dtype, grad=True)
    given[3] = given[3].detach().float().requires_grad_()
    out = ky_attention(*given)
    out.float().sum().backward()
    assert out.dtype == dtype
    assert [x.grad.dtype for x in given] == [dtype] * 3 + [torch.float32]
    assert np.abs(out.detach().double().numpy() - plain(*given)).max() < close


def test_autocast_and_checkpointing():
    given = tensors(40, 15, grad=True)
    for backend in ("blocked", "reference"):
        with torch.autocast("cpu", torch.bfloat16):
            out = ky_attention(*given, backend=backend)
        assert out.dtype == torch.bfloat16
        out.float().sum().backward()
    assert given[3].grad.dtype == torch.float32
    exact = torch.autograd.grad(ky_attention(*given).sum(), given)
    again = torch.utils.checkpoint.checkpoint(ky_attention, *given, use_reentrant=False)
    for x, y in zip(exact, torch.autograd.grad(again.sum(), given), strict=True):
        assert torch.equal(x, y)


def test_it_compiles_without_a_graph_break():
    given = tensors(40, 15, grad=True)
    run = torch.compile(lambda *x: ky_attention(*x), fullgraph=True, backend="aot_eager")
    out = run(*given)
    assert torch.equal(out, ky_attention(*given))
    out.sum().backward()
    layer = nn.KYAttention(16, 2, 5)
    x = torch.randn(2, 30, 16, generator=torch.Generator().manual_seed(0))
    fast = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert torch.equal(fast(x), layer(x))
    fast(x).sum().backward()


def test_the_operators_keep_torchs_rules():
    q, k, v, bias = tensors(20, 5, grad=True)
    torch.library.opcheck(_window, (q, k, v, bias, 0.5, True, True))
    qkv = torch.stack((q, k, v)).permute(1, 3, 0, 2, 4).detach().requires_grad_()
    for turn in (rope_table(0, 20, 4), None):
        torch.library.opcheck(_packed, (qkv, bias, turn, 0.5, False, False))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_packed_is_the_same_with_the_turn_inside(dtype):
    q, k, v, bias = tensors(300, 15, batch=2, dtype=dtype)
    qkv = torch.stack((q, k, v)).permute(1, 3, 0, 2, 4).contiguous().requires_grad_()
    bias = bias.requires_grad_()
    turn = rope_table(0, 300, 4)
    a = _packed(qkv, bias, turn, 0.5, True, True)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    b = ky_attention(rotate(q, turn), rotate(k, turn), v, bias, scale=0.5, backend="reference").transpose(1, 2)
    close = {torch.float64: 1e-6, torch.float32: 1e-5, torch.bfloat16: 5e-2}[dtype]
    assert (a - b).abs().max() < close
    back = torch.randn(a.shape, generator=torch.Generator().manual_seed(3)).to(dtype)
    da, db = (torch.autograd.grad(x, (qkv, bias), back) for x in (a, b))
    assert (da[0] - db[0]).abs().max() < 4 * close
    assert (da[1] - db[1]).abs().max() < 4 * close * max(1.0, float(db[1].abs().max()))


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("causal", [True, False])
def test_flex_states_the_same_attention(causal):
    q, k, v, bias = tensors(40, 7, dim=16)
    got = flex.compute(q, k, v, bias, causal=causal, scale=0.25, compiled=False)
    truth = reference.attend(q, k, v, bias, causal=causal, scale=0.25, edge="mask")
    assert (got - truth).abs().max() < 1e-5


TRITON = """
import torch
from kymath.nn import ky_attention
CASES = (5, 3, True, "mask"), (70, 2, True, "reference"), (66, 5, False, "mask"), (3, 7, False, "reference")
for length, window, causal, edge in CASES:
    rng = torch.Generator().manual_seed(length)
    given = [torch.randn(2, 1, length, 3, generator=rng, requires_grad=True) for _ in range(3)]
    given.append(torch.randn(1, window, generator=rng, requires_grad=True))
    back = torch.randn(2, 1, length, 3, generator=rng)
    a, b = (ky_attention(*given, causal=causal, edge=edge, backend=way) for way in ("triton", "reference"))
    assert (a - b).abs().max() < 1e-5
    for x, y in zip(torch.autograd.grad(a, given, back), torch.autograd.grad(b, given, back)):
        assert (x - y).abs().max() < 1e-4
print("equal")
"""


def test_triton_through_its_interpreter():
    pytest.importorskip("triton", reason="backend triton needs triton")
    env = {**os.environ, "TRITON_INTERPRET": "1"}  # read when the kernels are made, so in a process of its own
    done = subprocess.run([sys.executable, "-c", TRITON], env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "equal", done.stderr


def test_what_cannot_run_here_says_so(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    given = tensors(4, 3, dim=16)
    for backend in ("flex", "triton"):
        with pytest.raises(ValueError, match=f'backend="{backend}" cannot run here'):
            ky_attention(*given, backend=backend)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bias": torch.zeros(2, 0)}, "bias has W = 0"),
        ({"bias": torch.zeros(2, 4), "causal": False}, "bias has W = 4 .*odd"),
        ({"bias": torch.zeros(3, 4)}, r"bias has the shape \(3, 4\)"),
        ({"bias": torch.zeros(4)}, r"bias has the shape \(4,\)"),
        ({"bias": torch.zeros(2, 4, dtype=torch.int64)}, "bias is torch.int64"),
        ({"q": torch.zeros(2, 5, 4)}, "q has the shape"),
        ({"q": torch.zeros(1, 2, 5, 4, dtype=torch.int32)}, "q is torch.int32"),
        ({"q": torch.zeros(1, 2, 5, 0)}, "q has the shape"),
        ({"k": torch.zeros(1, 2, 6, 4)}, "k has the shape"),
        ({"v": torch.zeros(1, 2, 5, 4, dtype=torch.float64)}, "v is torch.float64"),
        ({"k": torch.zeros(1, 2, 5, 4, device="meta")}, "k is on meta"),
        ({"edge": "zeros"}, "edge = 'zeros'"),
        ({"backend": "fast"}, "backend = 'fast'"),
        ({"eps": 1e-9}, "eps = 1e-09"),
        ({"eps": -1.0, "backend": "reference"}, "eps = -1.0"),
        ({"eps": float("nan"), "backend": "reference"}, "eps = nan"),
    ],
)
def test_bad_arguments_are_named(change, words):
    given = {name: torch.zeros(1, 2, 5, 4) for name in "qkv"} | {"bias": torch.zeros(2, 3)} | change
    with pytest.raises(ValueError, match=words):
        ky_attention(**given)


def test_memory_does_not_grow_with_the_window():
    """What autograd keeps is q, k, v and the bias: nothing of W × L."""
    for window in (2, 128):
        given = tensors(400, window, grad=True)
        out = ky_attention(*given)
        kept = out.grad_fn.saved_tensors
        assert sum(x.numel() for x in kept) == sum(x.numel() for x in given)
