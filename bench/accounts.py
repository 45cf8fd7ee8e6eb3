"""What a server saw against what the ledger says of it, request by request.

A request is found in the ledger by the id of its answer. One whose answer nobody kept is a request
without an attempt, and its sender an attempt without a request: of one brief, there may never be
more of the former than of the latter.
"""

import json
import re
import threading
import urllib.request
from collections import Counter, defaultdict

_WHICH = re.compile(r"hill number (\d+)\b")
"""What tells the requests of one brief from those of another; it stands in its motif."""


class Witness(threading.Thread):
    """Reads the log of an offline server until it is told to stop; the server keeps the last 1,000."""

    def __init__(self, base_url: str) -> None:
        super().__init__(daemon=True)
        self._url = f"{base_url.removesuffix('/v1')}/__limner/log"
        self._over = threading.Event()
        self._seen: dict[str, dict] = {}

    def run(self) -> None:
        while not self._over.wait(4):
            self._read()

    def end(self) -> list[dict]:
        """Every request there was."""
        self._over.set()
        self.join()
        self._read()
        return list(self._seen.values())

    def _read(self) -> None:
        with urllib.request.urlopen(self._url) as answer:
            for entry in json.load(answer)["requests"]:
                self._seen[entry["request_id"]] = entry


def settled(log: list[dict], attempts: list, cells: int) -> dict:
    """Every term of the account; ``wrong`` is empty, or there is a bug."""
    sent = [one for one in attempts if one.sent is not None]
    silent = [one for one in sent if one.request_id is None and one.billed != "no"]
    booked, orphans = _paired(log, sent)
    adopted = [one.brief for one in silent if one.state == "completed"]
    missing = 0
    for brief in adopted:  # its picture was on disk when its process died, its receipt was not
        drawn = [entry for entry in orphans[brief] if entry["generations"]]
        missing += not drawn
        orphans[brief] = [entry for entry in orphans[brief] if entry not in drawn[:1]]
    doubtful = booked["possibly"] + [entry for found in orphans.values() for entry in found]
    unheard = Counter(one.brief for one in silent if one.billed == "possibly")
    possibly = sum(one.billed == "possibly" for one in sent)
    drawn = sum(entry["generations"] for entry in log)
    again = sum(entry["generations"] for entry in doubtful)
    refused = sum(entry["status"] == 503 for entry in doubtful)
    never = unheard.total() - sum(map(len, orphans.values()))
    wrong = {
        "completed, and nothing drawn": missing
        + sum(entry["generations"] != 1 for entry in booked["yes"]),
        "free, and drawn": sum(entry["generations"] for entry in booked["no"]),
        "requests that no attempt tells of": sum(
            max(0, len(found) - unheard[brief]) for brief, found in orphans.items()
        ),
        "generations - cells - drawn for nobody": drawn - cells - again,
        "possibly billed, and of no kind": possibly - again - refused - never,
    }
    return {
        "requests at the server": len(log),
        "generations at the server": drawn,
        "attempts sent": len(sent),
        "  completed": sum(one.state == "completed" for one in sent),
        "  failed, and free": sum(one.billed == "no" for one in sent),
        "  possibly billed": possibly,
        "    drawn for nobody": again,
        "    refused with a page of 503": refused,
        "    never at the server": never,
        "wrong": {name: number for name, number in wrong.items() if number},
    }


def _paired(log: list[dict], sent: list) -> tuple[dict[str, list[dict]], dict[str, list[dict]]]:
    """Requests by what the ledger says of their bill; and those that it does not name, by brief."""
    known = {one.request_id: one for one in sent if one.request_id is not None}
    booked, orphans = defaultdict(list), defaultdict(list)
    for entry in log:
        attempt = known.get(entry["request_id"])
        if attempt is None:
            orphans[_brief(entry)].append(entry)
        else:
            booked[attempt.billed].append(entry)
    return booked, orphans


def _brief(entry: dict) -> str:
    found = _WHICH.search(json.dumps(entry["body"]))
    assert found is not None, entry
    return f"b{found[1]}"
