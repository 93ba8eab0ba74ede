from __future__ import annotations

from threading import Barrier, Thread

from weightdesk.server.kept import Kept


def test_a_result_is_made_once_for_all_who_ask() -> None:
    kept, made, begin = Kept(), [], Barrier(4)

    def ask() -> None:
        begin.wait()
        kept.get("slow", 1, lambda: made.append(1))

    threads = [Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert made == [1]


def test_the_one_longest_unasked_goes() -> None:
    kept = Kept()
    for key in (1, 2, 1, 3):
        kept.get("kind", key, lambda key=key: key)
    assert kept.get("kind", 1, lambda: "again") == 1
    assert kept.get("kind", 2, lambda: "again") == "again"
