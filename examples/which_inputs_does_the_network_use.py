"""Which inputs does a network use? Asked in three ways, which need not agree."""

import torch
from torch import nn

from weightdesk.explain import feature_importance

torch.manual_seed(0)
names = ["used", "its copy", "used only in pairs", "the other of the pair", "noise", "loud noise"]
inputs = torch.randn(500, 6)
inputs[:, 1] = inputs[:, 0] + 0.1 * torch.randn(500)
inputs[:, 5] *= 5
targets = inputs[:, :1] + inputs[:, 2:3] * inputs[:, 3:4]

model = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(400):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(inputs), targets).backward()
    optimizer.step()

found = feature_importance(model, inputs, targets, nn.functional.mse_loss, names=names)
print(f"{'':22} weights gradients permutation")
for i, name in enumerate(names):
    print(f"{name:22}{found.weights[i]:8.2f}{found.gradients[i]:10.3f}{found.permutation[i]:9.3f}", end="")
    print(f" ± {found.permutation_error[i]:.3f}")
print(found.verdict)
print(f"the attributions miss the change of the loss by {found.completeness:+.1e}")
