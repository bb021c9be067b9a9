"""Decoding: caches that broke or are of another model, sampling at its limits, stopping."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
nn = pytest.importorskip("kymath.nn")

from small_models import one_thread, seeded, tiny, tokens  # noqa: E402, F401

from kymath.nn import FullCache, KYAttention  # noqa: E402
from kymath.nn.sampling import Sampler  # noqa: E402
from kymath.nn.standard import StandardAttention  # noqa: E402

NAN, INF = float("nan"), float("inf")


# -- caches ------------------------------------------------------------------------------------------------------


def test_a_cache_that_stopped_halfway_is_refused(monkeypatch):
    model = tiny()
    cache = model.new_cache(1)
    model(tokens(1, 3), cache)
    with monkeypatch.context() as broken:
        broken.setattr(model.layers[1].ffn.w1, "forward", lambda x: 1 / 0)
        broken.setattr(model.layers[1].attention, "forward", lambda x, cache: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model(tokens(1, 2), cache)
    with pytest.raises(ValueError, match=r"its layers have seen 3 to 5 tokens.*new_cache\(\)"):
        model(tokens(1, 2), cache)


def test_caches_of_another_kind():
    ky, standard = tiny(), tiny(attention="standard")
    ids = tokens(2, 3)
    for model, cache, words in (
        (ky, standard.new_cache(2), "needs a WindowCache"),
        (standard, ky.new_cache(2), "needs a FullCache"),
        (ky, ky.new_cache(1), r"cache holds keys of the shape \(1, 2, 5, 8\); this call needs \(2, 2, 5, 8\)"),
        (ky, ids, "cache is of the type Tensor"),
        (ky, [ids, ids], "cache is of the type Tensor"),
        (ky, tiny(window=4).new_cache(2), "cache holds keys"),
    ):
        with pytest.raises(ValueError, match=words):
            model(ids, cache)
        assert not any(getattr(one, "seen", 0) for one in cache)
    cache = standard.new_cache(1)
    standard(tokens(1, 3), cache)
    with pytest.raises(ValueError, match=r"cache holds keys of the shape \(1, 2, 3, 8\).*\(2, 2, any, 8\)"):
        standard(ids, cache)
    x = torch.zeros(1, 3, 8)
    for layer in (KYAttention(8, 2), StandardAttention(8, 2)):
        with pytest.raises(ValueError, match="cache is of the type Tensor"):
            layer(x, x)
    with pytest.raises(ValueError, match="cache: with causal=False"):
        StandardAttention(8, 2, causal=False)(x, FullCache())


@pytest.mark.parametrize("attention", ["ky", "standard"])
def test_backward_through_cached_calls(attention):
    model, ids = tiny(attention=attention), tokens(1, 7)
    cache = model.new_cache(1)
    steps = [model(ids[:, i : i + 1], cache) for i in range(7)]
    torch.cat(steps, 1).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert (torch.cat(steps, 1) - model(ids)).abs().max() < 1e-5


# -- generating --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 1e-45},
        {"temperature": 5e-324},
        {"top_p": 1e-300},
        {"top_p": 5e-324},
        {"top_k": 1},
        {"temperature": 1e-300, "top_k": 3, "top_p": 1e-9},
    ],
)
def test_the_likeliest_is_always_left(options):
    logits = torch.randn(50, 40, generator=seeded()) * 1e3
    assert torch.equal(Sampler(seed=0, **options)(logits), logits.argmax(-1))


def test_hot_and_masked_logits():
    logits = torch.tensor([[1e38, -1e38, -INF, 0.0]]).expand(2000, 4)
    assert set(Sampler(1e300, seed=0)(logits).tolist()) == {0, 1, 3}
    assert Sampler(seed=0)(torch.zeros(0, 4)).shape == (0,)


def test_exactly_k_of_equals():
    drawn = Sampler(top_k=3, seed=0)(torch.zeros(3000, 8))
    assert set(drawn.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("bad", [NAN, INF])
def test_logits_that_are_no_distribution(bad, temperature):
    with pytest.raises(ValueError, match="the logits hold nan or ∞"):
        Sampler(temperature)(torch.tensor([[0.0, bad, 1.0]]))
    with pytest.raises(ValueError, match="the logits hold nan or ∞"):
        Sampler(temperature)(torch.full((1, 3), -INF))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"top_k": NAN}, "top_k = nan"),
        ({"top_k": 2.5}, "top_k = 2.5"),
        ({"top_p": "x"}, "top_p = 'x'"),
        ({"temperature": None}, "temperature = None"),
        ({"temperature": INF}, "temperature = inf"),
        ({"max_new_tokens": 2.5}, "max_new_tokens = 2.5"),
        ({"seed": 2**64}, "seed = 18446744073709551616"),
        ({"seed": 0.5}, "seed = 0.5"),
        ({"ids": torch.zeros(1, 3)}, "ids are torch.float32"),
        ({"ids": torch.zeros(1, 3, dtype=torch.bool)}, "ids are torch.bool"),
        ({"ids": torch.zeros(1, 3, dtype=torch.int16)}, "ids are torch.int16"),
        ({"ids": [[1, 2]]}, "ids is of the type list"),
        ({"stop": 40}, "stop = 40"),
        ({"stop": [1, 2.5]}, "stop = 2.5"),
        ({"stop": "end"}, "stop = 'e'"),
    ],
)
def test_options_of_generating_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        tiny().generate(**{"ids": tokens(1, 3), "max_new_tokens": 2, **options})


def test_stopping():
    model, prompt = tiny(), tokens(3, 4)
    free = model.generate(prompt, 30, temperature=0)
    new = free[:, 4:]
    stop = [int(new[0, 2]), int(new[1, 5])]
    ends = [next((i for i, t in enumerate(row.tolist()) if t in stop), None) for row in new]
    got = model.generate(prompt, 30, temperature=0, stop=stop)
    longest = 30 if None in ends else max(ends) + 1
    assert got.shape == (3, 4 + longest)
    for row, truth, end in zip(got[:, 4:], new, ends, strict=True):
        kept = longest if end is None else end + 1
        assert torch.equal(row[:kept], truth[:kept])
        assert row[kept:].eq(row[kept - 1]).all()
    alone = model.generate(prompt[:1], 30, temperature=0, stop=int(new[0, 0]))
    assert torch.equal(alone, free[:1, :5])
    assert torch.equal(model.generate(prompt, 5, seed=1, stop=()), model.generate(prompt, 5, seed=1))
    assert model.generate(prompt.int(), 2, seed=np.int64(1)).dtype == torch.int32
