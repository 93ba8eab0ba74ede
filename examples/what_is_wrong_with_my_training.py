"""What is wrong with my training? Here the gradients of all steps add up, as zero_grad is missing."""

import tempfile

import torch

import weightdesk

torch.manual_seed(0)
inputs = torch.randn(400, 8)
labels = (inputs[:, 0] * inputs[:, 1] > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
folder = tempfile.mkdtemp()

# all statistics at every step: in a training of a second a share of 2 % tells little
with weightdesk.watch(model, optimizer, f"{folder}/run", cost=None) as recording:
    for _ in range(200):
        chosen = torch.randint(400, (40,))
        loss = torch.nn.functional.cross_entropy(model(inputs[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        recording.log(loss=loss)

findings = weightdesk.check(f"{folder}/run")
for finding in findings:
    print(f"{finding.confidence:.0%} {finding.rule}, since step {finding.since}: {finding.message}")
    print(f"    {finding.cause}\n    {finding.remedy}")
assert findings[0].rule == "missing_zero_grad"
