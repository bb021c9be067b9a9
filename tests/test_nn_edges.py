"""Where kymath.nn ends: derivatives of every kind, wide windows, arguments that are none."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
nn = pytest.importorskip("kymath.nn")

from small_models import one_thread, seeded, tiny, tokens  # noqa: E402, F401
from torch.autograd import forward_ad  # noqa: E402

from kymath.nn import (  # noqa: E402
    ALiBi,
    ConnectionNet,
    KYAttention,
    NoBias,
    PositionBias,
    ky_attention,
)
from kymath.nn.biases import BIASES, position_bias  # noqa: E402
from kymath.nn.rope import rope_table  # noqa: E402
from kymath.nn.standard import StandardAttention  # noqa: E402

NAN, INF = float("nan"), float("inf")


def tensors(length=5, window=3, dim=2, grad=False):
    shapes = [(1, 2, length, dim)] * 3 + [(2, window)]
    return [torch.randn(s, generator=seeded(i), dtype=torch.float64).requires_grad_(grad) for i, s in enumerate(shapes)]


# -- derivatives -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["mask", "reference"])
def test_second_derivatives(edge):
    given = tensors(grad=True)
    assert torch.autograd.gradgradcheck(lambda *x: ky_attention(*x, edge=edge), given, fast_mode=True)
    x, bias = given[0], given[3]
    assert torch.autograd.gradgradcheck(lambda x, c: ky_attention(x, x, x, c, edge=edge), (x, bias), fast_mode=True)


@pytest.mark.parametrize("rope", [True, False])
def test_second_derivatives_of_a_layer(rope):
    layer = KYAttention(4, 2, 3, rope=rope, generator=seeded()).double()
    x = torch.randn(1, 5, 4, generator=seeded(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, (x,), fast_mode=True)


def test_third_derivatives_are_those_of_the_reference():
    *given, bias = tensors(grad=True)
    found = []
    for backend in ("blocked", "reference"):
        value = ky_attention(*given, bias, backend=backend).square().sum()
        for _ in range(3):
            (slope,) = torch.autograd.grad(value, bias, create_graph=True)
            value = (slope * torch.arange(6.0).view(2, 3)).sum()
        found.append(float(value.detach()))
    assert found[0] == pytest.approx(found[1], rel=1e-10)
    assert found[0] != 0


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own, when it starts
def test_forward_mode_and_transforms():
    *given, bias = tensors()
    step = torch.arange(3.0, dtype=torch.float64).repeat(2, 1)

    def run(c, backend="auto"):
        return ky_attention(*given, c, backend=backend)

    truth = (run(bias + 1e-6 * step) - run(bias - 1e-6 * step)) / 2e-6
    _, tangent = torch.func.jvp(run, (bias,), (step,))
    assert (tangent - truth).abs().max() < 1e-8
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(run(forward_ad.make_dual(bias, step))).tangent
    assert (tangent - truth).abs().max() < 1e-8
    leaf = bias.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(run(leaf).square().sum(), leaf)
    assert (torch.func.grad(lambda c: run(c).square().sum())(bias) - wanted).abs().max() < 1e-12
    many = torch.func.vmap(run)(torch.stack((bias, 2 * bias)))
    assert (many[1] - run(2 * bias)).abs().max() < 1e-12
    for backend in ("blocked", "triton", "flex"):
        with pytest.raises(ValueError, match=f'backend="{backend}" has no forward-mode.*Use backend="reference"'):
            torch.func.jvp(lambda c, backend=backend: run(c, backend), (bias,), (step,))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own, when it starts
def test_a_layer_through_torch_func():
    layer = KYAttention(4, 2, 3, generator=seeded()).double()
    x = torch.randn(1, 5, 4, generator=seeded(), dtype=torch.float64)
    loss = lambda p: torch.func.functional_call(layer, p, (x,)).square().sum()
    found = torch.func.grad(loss)({name: p.detach() for name, p in layer.named_parameters()})
    layer(x).square().sum().backward()
    assert all((found[name] - p.grad).abs().max() < 1e-12 for name, p in layer.named_parameters())
    step = {name: torch.ones_like(p) for name, p in layer.named_parameters()}
    _, tangent = torch.func.jvp(loss, ({n: p.detach() for n, p in layer.named_parameters()},), (step,))
    assert float(tangent) == pytest.approx(sum(float(p.grad.sum()) for p in layer.parameters()), rel=1e-10)


# -- windows wider than the sequence -----------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["mask", "reference"])
def test_epsilon_in_a_window_wider_than_the_sequence(edge):
    """Eq. 46 goes over all slots: the first rows of a sequence do not know how long it is."""
    c = torch.zeros(1, 15)
    c[0, 0] = 5
    x = torch.randn(1, 1, 20, 4, generator=seeded())
    long = ky_attention(x, x, x, c, eps=1e-3, edge=edge, backend="reference")
    short = ky_attention(*[x[:, :, :5]] * 3, c, eps=1e-3, edge=edge, backend="reference")
    assert (long[:, :, :5] - short).abs().max() < 1e-6
    assert (long - ky_attention(x, x, x, c, edge=edge, backend="reference"))[:, :, :5].abs().max() > 1e-3


@pytest.mark.parametrize("backend", ["blocked", "reference"])
@pytest.mark.parametrize("causal", [True, False])
def test_padding_that_everyone_sees_is_one_slot(backend, causal):
    *given, bias = tensors(length=4, window=31, grad=True)
    got = ky_attention(*given, bias, causal=causal, edge="reference", backend=backend)
    q, k, v = given
    place = torch.arange(31) - (30 if causal else 15) + torch.arange(4)[:, None]  # (L, W)
    there = (place >= 0) & (place < 4)
    at = place.clamp(0, 3)
    scores = torch.einsum("bhld,bhlwd->bhlw", q, k[:, :, at] * there[..., None]) * 2**-0.5 + bias[:, None]
    truth = torch.einsum("bhlw,bhlwd->bhld", torch.softmax(scores, -1), v[:, :, at] * there[..., None])
    assert (got - truth).abs().max() < 1e-12
    back = torch.randn(got.shape, generator=seeded(9), dtype=torch.float64)
    for a, b in zip(
        torch.autograd.grad(got, (*given, bias), back), torch.autograd.grad(truth, (*given, bias), back), strict=True
    ):
        assert (a - b).abs().max() < 1e-12


@pytest.mark.parametrize("edge", ["mask", "reference"])
def test_an_enormous_window(edge):
    layer = KYAttention(8, 2, 2**20, edge=edge, hidden=8, generator=seeded())
    x = torch.randn(1, 9, 8, generator=seeded())
    out = layer(x)
    assert torch.isfinite(out).all()
    if edge == "mask":  # at the newest of so many slots the curve is level
        even = KYAttention(8, 2, 9, bias="local", generator=seeded())
        even.load_state_dict(layer.state_dict(), strict=False)
        assert (out - even(x)).abs().max() < 1e-4
        out.sum().backward()
        assert layer.connection.up.grad.shape == (2, 8)


def test_no_more_than_the_visible_slots_are_made(monkeypatch):
    asked = []
    forward = ConnectionNet.forward
    monkeypatch.setattr(ConnectionNet, "forward", lambda self, t: asked.append(len(t)) or forward(self, t))
    layer = KYAttention(8, 2, 10**6, hidden=4, generator=seeded())
    cache_free = layer(torch.zeros(1, 7, 8))
    assert asked == [7]
    assert cache_free.shape == (1, 7, 8)
    centred = KYAttention(8, 2, 1001, causal=False, hidden=4, generator=seeded())
    centred(torch.zeros(1, 7, 8))
    assert asked == [7, 13]


@pytest.mark.parametrize("name", BIASES)
def test_some_slots_are_those_of_the_table(name):
    bias = position_bias(name, 3)
    table = bias.table(40)
    assert torch.allclose(bias.slots(40, 31, 40), table[:, 31:], atol=1e-6)
    assert torch.allclose(bias.slots(40, 3, 9), table[:, 3:9], atol=1e-6)
    assert bias.slots(1, 0, 1).shape == (3, 1)


def test_a_table_in_pieces_is_the_table(monkeypatch):
    net = ConnectionNet(2, hidden=8, generator=seeded())
    whole = net.table(100)
    (wanted,) = torch.autograd.grad(whole.square().sum(), net.up)
    monkeypatch.setattr("kymath.nn.connection._MOST", 7)
    pieces = net.table(100)
    assert (pieces - whole).abs().max() < 1e-6
    assert (torch.autograd.grad(pieces.square().sum(), net.up)[0] - wanted).abs().max() < 1e-4


# -- nothing at all, and what is no number -----------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["auto", "blocked", "reference"])
@pytest.mark.parametrize("edge", ["mask", "reference"])
@pytest.mark.parametrize("shape", [(0, 2, 5, 4), (2, 0, 5, 4), (2, 2, 0, 4)])
def test_empty_shapes(shape, edge, backend):
    x = torch.zeros(shape, requires_grad=True)
    bias = torch.zeros(shape[1], 3, requires_grad=True)
    out = ky_attention(x, x, x, bias, edge=edge, backend=backend)
    out.sum().backward()
    assert out.shape == x.grad.shape == shape
    assert bias.grad.shape == bias.shape
    assert bias.grad.eq(0).all()


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_empty_sequences_in_a_layer(backend):
    layer = KYAttention(8, 2, 3, backend=backend)
    for shape in ((2, 0, 8), (0, 4, 8)):
        assert layer(torch.zeros(shape)).shape == shape
    assert tiny()(tokens(1, 0)).shape == (1, 0, 40)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": NAN}, "scale = nan"),
        ({"scale": "half"}, "scale = 'half'"),
        ({"scale": [1.0]}, r"scale = \[1.0\]"),
        ({"eps": INF, "backend": "reference"}, "eps = inf"),
        ({"eps": "small"}, "eps = 'small'"),
        ({"bias": None}, "bias is None: give a tensor"),
        ({"bias": [[0.0]]}, "bias is of the type list: give a tensor"),
        ({"q": np.zeros((1, 2, 5, 4))}, "q is of the type ndarray"),
        ({"v": 3}, "v is of the type int"),
    ],
)
def test_arguments_that_are_none(change, words):
    given = {name: torch.zeros(1, 2, 5, 4) for name in "qkv"} | {"bias": torch.zeros(2, 3)} | change
    with pytest.raises(ValueError, match=words):
        ky_attention(**given)


class Wrong(PositionBias):
    def table(self, window):
        return torch.zeros(2, 2, window)

    def reset_parameters(self, generator=None):
        pass


@pytest.mark.parametrize("bias", [False, True, None, NoBias, 3])
def test_a_bias_that_is_none(bias):
    with pytest.raises(ValueError, match=r"bias = .* is no bias of the attention.*'ky'.*linear layers have no bias"):
        KYAttention(8, 2, bias=bias)


def test_a_bias_that_does_not_fit():
    for bias in (NoBias(3), ConnectionNet(1), Wrong()):
        with pytest.raises(ValueError, match="bias: its table has the shape"):
            KYAttention(8, 2, bias=bias)
    layer = KYAttention(8, 2)
    layer.connection = ALiBi(1)  # later on
    with pytest.raises(ValueError, match=r"bias: its table has the shape \(1, 4\).*need \(2, 4\)"):
        layer(torch.zeros(1, 4, 8))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ConnectionNet(2.5), "num_heads = 2.5"),
        (lambda: ConnectionNet(True), "num_heads = True"),
        (lambda: ConnectionNet(2, "8"), "hidden = '8'"),
        (lambda: ConnectionNet(2).table(2.5), "window = 2.5"),
        (lambda: ConnectionNet(2)(torch.zeros(2, 3)), r"positions have the shape \(2, 3\)"),
        (lambda: ConnectionNet(2)([0.5]), "positions is of the type list"),
        (lambda: ConnectionNet(2).curve("a"), "head = 'a'"),
        (lambda: ConnectionNet(2).curve(2), "head = 2"),
        (lambda: NoBias(0), "num_heads = 0"),
        (lambda: NoBias(1).table(2.5), "window = 2.5"),
        (lambda: position_bias("fire", 2.5), "num_heads = 2.5"),
        (lambda: position_bias("kerple", 0), "num_heads = 0"),
        (lambda: position_bias("kerple", 2).table(2.5), "window = 2.5"),
        (lambda: position_bias("fire", 2).table(0), "window = 0"),
        (lambda: KYAttention(8, 2)([0.0]), "x is of the type list"),
        (lambda: StandardAttention(8, 2)(None), "x is None"),
        (lambda: tiny()([[1]]), "ids is of the type list"),
        (lambda: tiny()(torch.tensor([[40]])), r"ids: a token is not in 0 … 39"),
        (lambda: tiny()(torch.tensor([[-1]])), r"ids: a token is not in 0 … 39"),
        (lambda: tiny()(torch.zeros(1, 2, dtype=torch.int16)), "ids are torch.int16"),
    ],
)
def test_what_does_not_fit_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# -- precision, curves -------------------------------------------------------------------------------------------


def test_a_model_in_doubles_turns_in_doubles():
    layer = KYAttention(8, 1, 6, generator=seeded()).double()
    x = torch.randn(1, 40, 8, generator=seeded(), dtype=torch.float64)
    q, k, v = (part[:, None].detach() for part in layer.qkv(x).chunk(3, -1))

    def turned(rows):
        z = torch.view_as_complex(rows.unflatten(-1, (-1, 2)))
        angle = torch.arange(40.0, dtype=torch.float64)[:, None] * 10000 ** (-torch.arange(0, 8, 2).double() / 8)
        return torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).flatten(-2)

    truth = ky_attention(turned(q), turned(k), v, layer.connection.table(6), backend="reference")[:, 0]
    assert (layer(x) - layer.out(truth)).abs().max() < 1e-14


def test_late_places_are_turned_exactly():
    table = rope_table(10**6, 2, 8)
    assert table.dtype == torch.float32
    for m in range(2):
        for i in range(4):
            angle = (10**6 + m) * 10000 ** (-i / 4)
            assert table[m, i].tolist() == pytest.approx([math.cos(angle), math.sin(angle)], abs=1e-6)
    assert rope_table(0, 2, 8, dtype=torch.float64).dtype == torch.float64


def test_a_models_curves():
    model = tiny()
    curve = model.curve(1, 0)
    assert repr(curve) == "Curve(hidden=128)"
    table = model.layers[1].attention.connection.table(5).detach()
    assert curve(0.25) == pytest.approx(float(table[0, 1]), abs=1e-6)
    for layer, head, words in ((2, 0, "layer = 2"), ("x", 0, "layer = 'x'"), (0, 9, "head = 9")):
        with pytest.raises(ValueError, match=words):
            model.curve(layer, head)
    for attention in ("alibi", "standard"):
        with pytest.raises(ValueError, match=f"attention = '{attention}' has no connection networks"):
            tiny(attention=attention).curve(0, 0)
