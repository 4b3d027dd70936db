"""Which reading of the text runs.

An *edition* says which clusters of amendments apply.  ``as-written`` has only
the baseline, without which nothing runs at all; ``amended`` has every cluster.
A contrast is ``amended`` without one cluster.
"""

from __future__ import annotations

import attrs

BASELINE = frozenset({"E37", "E38", "E58", "E59"})
"""Repairs without which no fetch can be made: they belong to every edition."""

CLUSTERS: dict[str, str] = {
    "E01": "a record's failure becomes the fetch's failure reason",
    "E02": "a user's abort is the same as abort()",
    "E03": "an attempt that is over can no longer change its record (E03, E15, E16, E19, E45, E46)",
    "E04": "the cause of a stop is frozen when downloadTotal is exceeded",
    "E05": "settlement waits for the records that were stopped (E05, E06)",
    "E07": "what is counted and written in parallel is not lost",
    "E08": "records close even where no event can be dispatched",
    "E09": "the settle event is fired outside the edit queue",
    "E10": "what is over takes no more of the quota",
    "E11": "a handler's registration shows the settlement",
    "E13": "a paused record notices an abort (E13, E43)",
    "E14": "only GET is paused in flight",
    "E17": "the first response does not make early readers' data redundant",
    "E18": "a response without a body ends",
    "E20": "a failed append ends the record",
    "E21": "the download total is checked and the bytes are stored in one step",
    "E22": "Content-Range is parsed as HTTP sends it",
    "E23": "a clean end of unknown length, or 416 at the stored length, is the end (E23, E25)",
    "E24": "a partial answer that adds nothing is an error",
    "E26": "the bounds of a partial answer are checked",
    "E27": "only an ok answer is continued",
    "E28": "an answer with a content coding is not continued",
    "E29": "only what can be told from another version is continued",
    "E30": "partial answers are validated before CORS filtering",
    "E31": "a part that the page itself asked for is final",
    "E32": "only GET takes partial answers (E32, E33)",
    "E34": "uploaded counts each body once",
    "E36": "uploads are not limited to 64 KiB",
    "E41": "an assembled record shows 200",
    "E47": "a page that is gone holds up nobody",
    "E48": "an older snapshot never follows newer numbers",
    "E52": "responseReady waits for a response or a result",
    "E60": "request bodies are read outside the edit queue",
    "E61": "a streamed request body counts with its bytes",
    "E62": "downloadTotal is checked against the quota at the call",
    "E67": "requests wait for the promise of fetch()",
    "E68": "a prompt pauses before any request",
    "E71": "nothing found is undefined",
    "E74": "match arguments are turned into requests; none matches everything (E74, E75, E76)",
    "E77": "matchAll() asks the fetch, not only the instance",
    "E79": "the sign for bandwidth is on while bandwidth is used",
    "E80": "nothing is offered after the end",
    "E81": "updateUI() rejects instead of throwing in parallel (E81, E82)",
    "E86": "unregistering stops everything without an event",
    "E87": "what survives a restart",
}

SYNC_CLUSTERS: dict[str, str] = {
    "BS01": "a wait ends only the waiting that it was begun for",
    "BS02": "what survives a restart of the user agent",
    "BS03": "a new registration is fired only if nothing else has fired it yet",
}
"""Those of one-shot background sync: an edition is a reading of every text at once."""

_KNOWN = CLUSTERS | SYNC_CLUSTERS


class UnknownCluster(ValueError):
    """No such cluster; the message lists those that there are."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        super().__init__(f"no cluster {cluster!r}; there are {', '.join(_KNOWN)}")


@attrs.frozen
class Edition:
    """A named set of clusters that apply."""

    name: str
    clusters: frozenset[str]

    def repairs(self, cluster: str) -> bool:
        """Whether the amendments of the cluster apply.  Raises UnknownCluster."""
        if cluster not in _KNOWN:
            raise UnknownCluster(cluster)
        return cluster in self.clusters

    def without(self, cluster: str) -> Edition:
        """The same edition with one cluster switched off.  Raises UnknownCluster."""
        if cluster not in _KNOWN:
            raise UnknownCluster(cluster)
        return Edition(f"{self.name} - {cluster}", self.clusters - {cluster})


AMENDED = Edition("amended", frozenset(_KNOWN))
AS_WRITTEN = Edition("as-written", frozenset())
EDITIONS = {edition.name: edition for edition in (AMENDED, AS_WRITTEN)}


def edition(name: str) -> Edition:
    """An edition by name: ``amended``, ``as-written``, or ``amended - E13``.

    Raises UnknownCluster, or KeyError for an unknown edition.
    """
    base, *rest = (part.strip() for part in name.split(" - "))
    result = EDITIONS[base]
    for cluster in rest:
        result = result.without(cluster)
    return result
