"""Connection networks, biases, the layer, decoding with a cache, the language model and its sampling."""

import copy
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
nn = pytest.importorskip("kymath.nn")

from small_models import TINY, one_thread, seeded, tiny, tokens  # noqa: E402, F401

import kymath as ky  # noqa: E402
from kymath.nn import Condor, CondorConfig, ConnectionNet, KYAttention, ky_attention  # noqa: E402
from kymath.nn.biases import BIASES, position_bias  # noqa: E402
from kymath.nn.rope import rope_table, rotate  # noqa: E402
from kymath.nn.sampling import Sampler  # noqa: E402

WORDS = ("ky", "standard", "local", "alibi", "t5", "kerple", "fire")


# -- connection networks and biases ------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
def test_a_connection_net_is_equation_37(bias):
    net = ConnectionNet(3, hidden=7, bias=bias, generator=seeded()).double()
    table = net.table(15).detach()
    for h in range(3):
        gate, up, down = (x[h].tolist() for x in (net.gate, net.up, net.down))
        shift = net.up_bias[h].tolist() if bias else [0.0] * 7
        for j in range(15):
            t = j / 14
            inner = [u * t + s for u, s in zip(up, shift, strict=True)]
            hidden = [g * t * x / (1 + math.exp(-x)) for g, x in zip(gate, inner, strict=True)]
            c = sum(a * b for a, b in zip(hidden, down, strict=True)) + (net.out_bias[h].item() if bias else 0)
            assert abs(float(table[h, j]) - c) < 1e-13
    assert torch.equal(net.table(1), net(torch.ones(1)))
    assert net.table(1).shape == (3, 1)


@pytest.mark.parametrize("bias", [True, False])
def test_its_curve_is_its_table(bias):
    net = ConnectionNet(4, bias=bias, generator=seeded())
    if bias:
        torch.nn.init.uniform_(net.out_bias, generator=seeded())
    for h in range(4):
        curve, t = net.curve(h), np.arange(15) / 14
        values = curve(t)
        assert np.abs(values - net.table(15)[h].detach().numpy()).max() < 1e-6
        assert np.abs(values - net.double().table(15)[h].detach().numpy()).max() < 1e-14
        assert curve(0.5) == pytest.approx(values[7], abs=1e-15)
        assert curve(t.reshape(3, 5)).shape == (3, 5)
        assert curve(0.5 + 0j).real == pytest.approx(values[7], abs=1e-15)
        net.float()
    with pytest.raises(ValueError, match="head = 4"):
        net.curve(4)


def test_a_curve_goes_through_the_transform():
    net = ConnectionNet(2, hidden=16, generator=seeded()).double()
    t = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    c = net(t[None])[1, 0]
    (slope,) = torch.autograd.grad(c, t, create_graph=True)
    (bend,) = torch.autograd.grad(slope, t)
    found = ky.transform(net.curve(1), 0.4, ky.Polynomial(2))
    for got, truth in ((found.a0, c), (found.a1, slope), (found.a2, bend / 2)):
        assert got == pytest.approx(truth.item(), abs=1e-12)


def test_without_biases_it_starts_flat_and_small():
    net = ConnectionNet(16, bias=False, generator=seeded())
    found = [ky.transform(net.curve(h), 0, ky.Linear(), side="right") for h in range(16)]
    assert all(abs(r.a) < 1e-12 and abs(r.b) < 1e-12 for r in found)
    table = net.table(15).detach()
    spread = table.amax(1) - table.amin(1)
    assert 0.02 < float(spread.mean()) < 0.5


def test_a_generator_decides_the_first_weights():
    state = torch.get_rng_state()
    one, two = tiny(), tiny()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    other = Condor(CondorConfig(**TINY), generator=seeded(2))
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)
    torch.set_rng_state(state)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("name", BIASES)
def test_every_bias_keeps_the_contract(name, causal):
    bias = position_bias(name, 4, causal=causal)
    for window in (1, 3, 15, 129):
        table = bias.table(window)
        assert table.shape == (4, window)
        assert torch.isfinite(table).all()
        half = copy.deepcopy(bias).bfloat16().table(window)
        assert half.shape == table.shape
    parameters = list(bias.parameters())
    if parameters:
        (bias.table(15) * torch.arange(15.0)).sum().backward()
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in parameters)


def test_the_biases_by_their_formulas():
    lag = np.arange(14, -1, -1)
    alibi = position_bias("alibi", 12)
    slopes = [2 ** -(h + 1) for h in range(8)] + [2 ** -(h + 0.5) for h in range(4)]
    assert np.allclose(alibi.table(15), -np.outer(slopes, lag))
    kerple = position_bias("kerple", 2)
    p, a = kerple.bias_p.detach().numpy().clip(0.01), kerple.bias_a.detach().numpy().clip(0.01)
    assert np.allclose(kerple.table(15).detach(), -p[:, None] * np.log1p(a[:, None] * lag), atol=1e-6)
    t5 = position_bias("t5", 2)
    assert torch.equal(t5.table(15), t5.weight[torch.tensor(lag)].T)
    far = torch.tensor([15, 16, 17, 18, 30, 64, 127, 128, 5000])
    assert t5.bucket(far).tolist() == [15, 16, 16, 16, 20, 26, 31, 31, 31]  # as the public code gives
    centred = position_bias("t5", 2, causal=False)
    assert centred.bucket(torch.tensor([-3, 0, 3])).tolist() == [19, 0, 3]
    fire = position_bias("fire", 2)
    x = torch.tensor(np.log1p(0.1 * lag) / np.log1p(51.2), dtype=torch.float32)[:, None]
    assert torch.allclose(fire.table(15), fire.mlp(x).T, atol=1e-5)
    assert position_bias("local", 2).table(4).eq(0).all()
    with pytest.raises(ValueError, match="bias = 'rope'"):
        position_bias("rope", 2)


# -- the layer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize(
    ("causal", "edge", "rope"), [(True, "mask", True), (False, "reference", True), (True, "mask", False)]
)
def test_a_layer_is_its_parts(backend, causal, edge, rope):
    layer = KYAttention(24, 3, 7, causal=causal, edge=edge, rope=rope, backend=backend, generator=seeded())
    x = torch.randn(2, 50, 24, generator=seeded())
    q, k, v = (part.unflatten(2, (3, 8)).transpose(1, 2) for part in layer.qkv(x).chunk(3, -1))
    if rope:
        table = rope_table(0, 50, 8)
        q, k = rotate(q, table), rotate(k, table)
    y = ky_attention(q, k, v, layer.connection.table(7), causal=causal, edge=edge, backend="reference")
    truth = layer.out(y.transpose(1, 2).flatten(2))
    got = layer(x)
    assert (got - truth).abs().max() < 1e-5
    wanted = torch.autograd.grad(truth.square().sum(), list(layer.parameters()))
    for a, b in zip(torch.autograd.grad(got.square().sum(), list(layer.parameters())), wanted, strict=True):
        assert (a - b).abs().max() < 1e-4


def test_rope_turns_pairs_by_place():
    table = rope_table(3, 4, 6)
    x = torch.randn(4, 6, generator=seeded())
    got = rotate(x, table)
    for m in range(4):
        for i in range(3):
            z = complex(x[m, 2 * i], x[m, 2 * i + 1]) * np.exp(1j * (m + 3) * 10000 ** (-2 * i / 6))
            assert abs(complex(got[m, 2 * i], got[m, 2 * i + 1]) - z) < 1e-5


@pytest.mark.parametrize("edge", ["mask", "reference"])
@pytest.mark.parametrize("window", [1, 2, 5, 64])
def test_a_cache_equals_the_full_pass(window, edge):
    layer = KYAttention(16, 2, window, edge=edge, generator=seeded())
    x = torch.randn(3, 40, 16, generator=seeded())
    full = layer(x)
    for cuts in (range(41), (0, 1, 3, 4, 17, 18, 40), (0, 40)):
        cache = layer.new_cache(3)
        size = cache.keys.numel()
        parts = [layer(x[:, a:b], cache) for a, b in itertools.pairwise(cuts)]
        assert (torch.cat(parts, 1) - full).abs().max() < 1e-5
        assert cache.seen == 40
        assert cache.keys.numel() == size == 3 * 16 * window


def test_a_cache_in_half_precision():
    layer = KYAttention(16, 2, 5, generator=seeded()).bfloat16()
    x = torch.randn(1, 12, 16, generator=seeded()).bfloat16()
    cache = layer.new_cache(1)
    parts = [layer(x[:, i : i + 1], cache) for i in range(12)]
    assert (torch.cat(parts, 1) - layer(x)).abs().max() < 2e-2
    layer.float()
    cache = layer.new_cache(1)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x[:, :7].float(), cache).dtype == torch.bfloat16
        assert layer(x[:, 7:8].float(), cache).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((16, 2, 0), "window = 0"),
        ((16, 2, 2.5), "window = 2.5"),
        ((16, 3), "d_model = 16 is not divisible by num_heads = 3"),
        ((16, 0), "num_heads = 0"),
        ((6, 2), "make d_model / num_heads even"),
    ],
)
def test_bad_layers_are_named(given, words):
    with pytest.raises(ValueError, match=words):
        KYAttention(*given)


def test_bad_calls_are_named():
    with pytest.raises(ValueError, match=r"window = 4.*odd"):
        KYAttention(16, 2, 4, causal=False)
    with pytest.raises(ValueError, match="edge = 'pad'"):
        KYAttention(16, 2, edge="pad")
    with pytest.raises(ValueError, match="backend = 'magic'"):
        KYAttention(16, 2, backend="magic")
    layer = KYAttention(16, 2)
    with pytest.raises(ValueError, match="x has the shape"):
        layer(torch.zeros(3, 8))
    with pytest.raises(ValueError, match="cache holds keys"):
        layer(torch.zeros(1, 3, 16), layer.new_cache(2))
    encoder = KYAttention(16, 2, causal=False)
    with pytest.raises(ValueError, match="cache: with causal=False"):
        encoder(torch.zeros(1, 3, 16), encoder.new_cache(1))
    for name, value in (("num_heads", 0), ("hidden", 0)):
        with pytest.raises(ValueError, match=f"{name} = 0"):
            ConnectionNet(**{"num_heads": 2, name: value})
    with pytest.raises(ValueError, match="window = 0"):
        ConnectionNet(2).table(0)


# -- the model ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", WORDS)
def test_every_model_runs_learns_and_decodes(attention):
    model = tiny(attention=attention)
    ids = tokens(2, 30)
    full = model(ids)
    assert full.shape == (2, 30, 40)
    changed = ids.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % 40
    assert torch.equal(model(changed)[:, :20], full[:, :20])
    cache, cuts = model.new_cache(2), (0, 9, 10, 11, 20, 30)
    parts = [model(ids[:, a:b], cache) for a, b in itertools.pairwise(cuts)]
    assert (torch.cat(parts, 1) - full).abs().max() < 1e-5
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5


def test_the_budgets_are_fair():
    counts = {w: sum(p.numel() for p in Condor(CondorConfig(100, 64, 1, 4, attention=w)).parameters()) for w in WORDS}
    assert max(counts.values()) - min(counts.values()) <= 4 * (4 * 128 + 1)


def test_generating():
    model = tiny()
    prompt = tokens(2, 7)
    for options in ({}, {"temperature": 0.7, "top_k": 5}, {"top_p": 0.5}, {"top_k": 3, "top_p": 0.9}):
        one, two = (model.generate(prompt, 20, seed=5, **options) for _ in range(2))
        assert torch.equal(one, two)
        assert one.shape == (2, 27)
        assert torch.equal(one[:, :7], prompt)
    assert not torch.equal(model.generate(prompt, 20, seed=6), model.generate(prompt, 20, seed=5))
    assert torch.equal(model.generate(prompt, 0), prompt)
    greedy = prompt  # the full pass each time
    for _ in range(12):
        greedy = torch.cat([greedy, model(greedy)[:, -1].argmax(-1)[:, None]], 1)
    assert torch.equal(model.generate(prompt, 12, temperature=0), greedy)
    state = torch.get_rng_state()
    model.generate(prompt, 3)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.is_grad_enabled()
    stream = model.stream(prompt, 2)
    assert next(stream).shape == (2,)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": -1}, "temperature = -1"),
        ({"temperature": float("nan")}, "temperature = nan"),
        ({"top_k": 0}, "top_k = 0"),
        ({"top_p": 0}, "top_p = 0"),
        ({"top_p": 1.5}, "top_p = 1.5"),
        ({"max_new_tokens": -1}, "max_new_tokens = -1"),
        ({"ids": torch.zeros(1, 0, dtype=torch.int64)}, "at least one token"),
        ({"ids": torch.tensor([[40]])}, r"ids: a token is not in 0 … 39"),
        ({"ids": torch.tensor([3])}, "ids have the shape"),
    ],
)
def test_bad_prompts_and_options_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        tiny().generate(**{"ids": tokens(1, 3), "max_new_tokens": 2, **options})


def test_sampling_is_the_distribution_it_says():
    p = torch.tensor([0.4, 0.3, 0.2, 0.1])
    logits = p.log().expand(20000, 4)

    def shares(**options):
        return torch.bincount(Sampler(seed=1, **options)(logits), minlength=4) / 20000

    cool = p.sqrt() / p.sqrt().sum()
    cases = (
        ({}, p),
        ({"temperature": 2.0}, cool),
        ({"top_k": 2}, torch.tensor([4, 3, 0, 0]) / 7),
        ({"top_k": 9}, p),
        ({"top_p": 0.69}, torch.tensor([4, 3, 0, 0]) / 7),
        ({"top_p": 0.75}, torch.tensor([4, 3, 2, 0]) / 9),
        ({"top_p": 0.001}, torch.tensor([1.0, 0, 0, 0])),
    )
    for options, truth in cases:
        assert (shares(**options) - truth).abs().max() < 0.02, options
    assert Sampler(0)(logits).eq(0).all()


def test_models_that_see_the_future_do_not_generate():
    leaky = tiny(causal=False)
    assert leaky(tokens(1, 9)).shape == (1, 9, 40)
    with pytest.raises(ValueError, match="causal=False"):
        leaky.generate(tokens(1, 3), 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vocab_size": 0}, "vocab_size = 0"),
        ({"num_layers": True}, "num_layers = True"),
        ({"d_model": 15}, "d_model = 15 is not divisible"),
        ({"window": 0}, "window = 0"),
        ({"window": 1 << 40}, "window = 1099511627776"),
        ({"window": 4, "causal": False}, "window = 4.*odd"),
        ({"attention": "none"}, "attention = 'none'"),
        ({"edge": "none"}, "edge = 'none'"),
        ({"rope": 1}, "rope = 1"),
        ({"ffn_hidden": 0}, "ffn_hidden = 0"),
    ],
)
def test_bad_configurations_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        CondorConfig(**{**TINY, **change})


def test_bad_ids_are_named():
    with pytest.raises(ValueError, match=r"ids are torch.float32"):
        tiny()(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="cache has 1 layers"):
        tiny()(tokens(1, 3), tiny(num_layers=1).new_cache(1))


def test_a_model_compiles_whole():
    model = tiny()
    ids = tokens(2, 20)
    fast = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert (fast(ids) - model(ids)).abs().max() < 1e-5


def test_the_package_does_not_load_torch_by_itself():
    code = "import sys, kymath; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_torch_the_extra_is_named():
    code = "import sys; sys.modules['torch'] = None\ntry:\n import kymath.nn\nexcept ImportError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "pip install 'kymath[torch]'" in done.stdout
