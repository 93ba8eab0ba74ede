"""How do I record the training that I already have? One `with` around the loop."""

import torch
from torch import nn

import weightdesk

torch.manual_seed(0)
inputs = torch.rand(512, 2) * 2 - 1
labels = (inputs[:, 0] * inputs[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

with weightdesk.watch(model, optimizer, "runs/own-loop", cost=None, overwrite=True) as recording:
    for _ in range(200):
        outputs = model(inputs)
        loss = nn.functional.cross_entropy(outputs, labels)
        recording.log(loss=loss, accuracy=(outputs.argmax(1) == labels).float().mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

run = weightdesk.open_run("runs/own-loop")
accuracy = run.metrics["accuracy"].to_pylist()
print(f"{run.status}: accuracy {accuracy[0]:.1%} at the start, {accuracy[-1]:.1%} at the end")
print(f"kept: {len(run.steps)} snapshots, {run.statistics.num_rows} rows of statistics in {run.path}")
