import json

from edge.link.sending import MAX_WAITING, Publication, Refusals, SendQueue


def publication(n: int, kind: str = "event") -> Publication:
    payload = json.dumps(n).encode()
    return Publication(kind, kind, payload, qos=1, retain=kind == "state", lasting=kind == "event")


def waiting(queue: SendQueue) -> list[tuple[str, int]]:
    return [(p.kind, int(p.payload)) for p in queue.waiting]


def test_what_passes_is_dropped_first_then_the_oldest_of_what_lasts_and_never_a_state(caplog):
    queue = SendQueue(Refusals())
    queue.put(publication(0, "state"))
    queue.put(publication(1))
    queue.put(publication(2, "reply"))
    for n in range(3, MAX_WAITING):
        queue.put(publication(n))
    queue.put(publication(500))
    assert waiting(queue)[:3] == [("state", 0), ("event", 1), ("event", 3)]
    queue.put(publication(501))
    assert waiting(queue)[:3] == [("state", 0), ("event", 3), ("event", 4)]
    assert len(queue.waiting) == MAX_WAITING
    assert [record.message.rpartition("(")[2] for record in caplog.records] == ["reply)", "event)"]


def test_only_what_lasts_waits_for_the_next_connection():
    queue = SendQueue(Refusals())
    for n, kind in enumerate(["state", "event", "reply", "event"]):
        queue.put(publication(n, kind))
    queue.keep_what_lasts()
    assert waiting(queue) == [("event", 1), ("event", 3)]
