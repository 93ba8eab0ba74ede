"""Can I send this run to somebody who has nothing installed? As one HTML file, which replays and turns."""

import weightdesk
from weightdesk.report import write_report
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

recipe = Recipe.create("spirals", steps=300)
run = weightdesk.open_run(train(recipe, "runs/spirals").directory)

done = write_report(Session(run), "spirals.html")
print(f"spirals.html: {done.size / 1e6:.1f} MB with {len(run.steps)} snapshots; no server, no request")
for note in done.notes:
    print(note)
