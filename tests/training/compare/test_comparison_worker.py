from __future__ import annotations

import io
import json

from weightdesk.training import Recipe
from weightdesk.training.compare.member import Task
from weightdesk.training.compare.worker import serve


def test_a_worker_tells_standing_and_ending_of_each_task(tmp_path) -> None:
    tasks = [
        Task(
            name=name,
            recipe={**Recipe.create("xor", steps=3).to_dict(), **wrong},
            directory=str(tmp_path / name),
        )
        for name, wrong in (("good", {}), ("bad", {"init": "he"}))
    ]
    lines = io.StringIO()
    serve([json.dumps(each.to_dict()) for each in tasks], lines)
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert told[0]["standing"]["name"] == "good"
    endings = [each["ending"] for each in told if "ending" in each]
    assert [(each["name"], each["status"]) for each in endings] == [("good", "finished"), ("bad", "failed")]
    assert endings[1]["said"].startswith("OptionError: --init has no value 'he'")
