"""What needs torch, used with types: checked and never run."""

from typing import assert_type

import torch

from kymath import nn, synthesis, training

config = nn.CondorConfig(vocab_size=256, d_model=64, num_layers=2, num_heads=4)
model = nn.Condor(config)
assert_type(model.config, nn.CondorConfig)
ids = torch.zeros(1, 8, dtype=torch.long)
assert_type(model.generate(ids, 4, temperature=0.0), torch.Tensor)
assert_type(nn.load_condor("checkpoint.safetensors"), nn.Condor)

q = torch.zeros(1, 4, 8, 16)
assert_type(nn.ky_attention(q, q, q, torch.zeros(4, 3)), torch.Tensor)
net = nn.ConnectionNet(4, 3)
assert_type(net.table(3), torch.Tensor)

assert_type(training.Settings.of("tiny"), training.Settings)
node = synthesis.AttentionNode(8, 4)
assert_type(node, synthesis.AttentionNode)

nn.Condor(config, backend=3)  # type: ignore[arg-type]
