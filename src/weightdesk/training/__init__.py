"""Built-in trainings: a recipe says what to do, `train` does it and records every weight.

```
recipe.py       everything that decides what a training does     options.py  what an option may be
defaults.py     good values for each recipe                      data/       one file a kind of data
split.py        train, validation, test     standardise.py      vocabulary.py
networks/       activations.py     initialisers.py     optimizers.py     schedules.py
regularisers.py what keeps weights small or sparse               objective.py  loss and scores
preparation.py  from a recipe to tensors, model, optimizer       randomness.py streams from one seed
loop.py         the loop           recorder.py  what it needs of a recording
outcome.py      what came out      progress.py  how it shows itself
replay.py       the batches of single steps, found again
start.py        weights to go on from      recorded.py     the recipe of a run, made fit to be used
plans.py        what its network is made of
heldout.py      network and held-out examples, to judge other weights
```
"""

from __future__ import annotations

from weightdesk.training.heldout import HeldOut, held_out
from weightdesk.training.loop import train
from weightdesk.training.outcome import Outcome, Progress, Report
from weightdesk.training.preparation import Preparation, prepare, rebuild
from weightdesk.training.recipe import Recipe
from weightdesk.training.recorded import located_recipe, recorded_recipe
from weightdesk.training.replay import Moment, replay, replays
from weightdesk.training.start import Start

__all__ = [
    "HeldOut", "Moment", "Outcome", "Preparation", "Progress", "Recipe", "Report", "Start",
    "held_out", "located_recipe", "prepare", "rebuild", "recorded_recipe", "replay", "replays", "train",
]  # fmt: skip
