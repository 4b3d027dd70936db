"""The user agent's freedoms, by name.

The first option of a choice is the default.  A judge reports every other option
that an explanation needs: ``conforms via network-loss``.  ``stable`` choices have
one answer for one implementation, ``per-run`` ones may differ from run to run.
``relaxes`` names the properties that an option is registered to relax.
"""

from __future__ import annotations

from typing import Literal

import attrs

AS_WRITTEN_READING = "as-written"
"""The option of an open reading that leaves the text as it is."""


@attrs.frozen
class Choice:
    """One freedom: ``steps`` are where the text grants it, or leaves it open."""

    key: str
    question: str
    options: tuple[str, ...]
    steps: tuple[str, ...]
    kind: Literal["stable", "per-run"] = "stable"
    relaxes: tuple[str, ...] = ()


_ALL = (
    Choice(
        "temporary-loss",
        "Is a connection that breaks while the user agent believes itself online temporary?",
        ("permanent", "temporary"),
        ("INFRA-1", "RECORD-11.R.1.1", "RECORD-11.R.8.1"),
    ),
    Choice(
        "which-failure",
        "Which failed record names the failure reason when several failed differently?",
        ("first-in-order", "another"),
        ("PERFORM-5.3",),
        "per-run",
    ),
    Choice(
        "concurrency",
        "May a record wait for another one although nothing stops it?",
        ("unlimited", "limited"),
        ("PERFORM-5",),
    ),
    Choice(
        "start-quota",
        "Is downloadTotal checked against the quota when fetch() is called?",
        ("checked", "unchecked"),
        ("FETCH-8.9",),
    ),
    Choice(
        "changed-validator",
        "What follows a partial answer whose validators changed?",
        ("fetch-error", "restart"),
        ("VALIDATE-4.1.1", "RECORD-11.R.2.1"),
    ),
    Choice(
        "unvalidated-resume",
        "Is an answer without a strong validator continued, or started anew? (E29)",
        ("anew", "continued"),
        ("RECORD-7", "VALIDATE-4.1"),
        relaxes=("S07",),
    ),
    Choice(
        "encoded-resume",
        "Is an answer with a content coding continued, or started anew?",
        ("anew", "continued"),
        ("RECORD-7", "RECORD-8"),
    ),
    Choice(
        "E05",
        "Does settlement wait for the records that an overflow stops? (E05, E06)",
        ("amended", AS_WRITTEN_READING),
        ("PERFORM-6", "PERFORM-8"),
        "per-run",
    ),
    Choice(
        "E23",
        "Is a clean end of unknown length, or a 416 at the stored length, the end? (E23, E25)",
        ("amended", AS_WRITTEN_READING),
        ("RECORD-11.R.3", "RECORD-11.R.7.1.2"),
    ),
    Choice(
        "E31",
        "Is the partial answer to a Range header of the page's own final?",
        ("amended", AS_WRITTEN_READING),
        ("RECORD-8", "VALIDATE-3"),
    ),
    Choice(
        "error-answer",
        "Is the body of an error answer stored, or left unread? (E40)",
        ("stored", "unread"),
        ("RECORD-11.R.6", "RECORD-11.R.7.2"),
        relaxes=("S07",),
    ),
    Choice(
        "E48",
        "May an object that was given live numbers show an older snapshot after them? (E48)",
        ("amended", AS_WRITTEN_READING),
        ("FETCH-8.14.1", "CLICK-1.1", "PERFORM-8.13.0", "UPDATE-1"),
        "per-run",
    ),
    Choice(
        "E86",
        "Does unregistering the worker stop its fetches? (E86)",
        ("amended", AS_WRITTEN_READING),
        ("PRIV-1",),
    ),
    Choice(
        "assembled-status",
        "Which status has a finished record whose first answer was a 206?",
        ("200", "206"),
        ("CREATE-2.9.2",),
    ),
    Choice(
        "lost-redirect",
        "Is a request sent again to the redirected or the original URL on resume?",
        ("original", "redirected"),
        ("RECORD-11",),
    ),
    Choice(
        "page-on-prompt",
        "Does a permission prompt start the fetch paused, or hold fetch() back?",
        ("paused", "not-paused"),
        ("DISPLAY-11.1",),
    ),
    Choice(
        "pause-toggle",
        "Does the interface offer to pause and resume?",
        ("offered", "withheld"),
        ("DISPLAY-8",),
    ),
    Choice(
        "pause-while-prompting",
        "Is a fetch that waits for permission paused or resumed by the toggle?",
        ("refused", "toggles"),
        ("DISPLAY-8", "DISPLAY-11.2"),
    ),
    Choice(
        "id-order",
        "In which order does getIds() list ids?",
        ("insertion", "by-text"),
        ("GETIDS-2",),
    ),
    Choice(
        "replaced-reader",
        "What becomes of a reader of a body that a restart replaced?",
        ("error", "retarget"),
        ("RECORD-11.R.3.1", "CREATE-2.8.4.4"),
        "per-run",
    ),
)

_SYNC = (
    Choice(
        "sync-attempts",
        "How often is a sync event tried before it is given up?",
        ("3", "1", "2", "5", "uncapped"),
        ("BS-RETRY-1", "BS-PERM-4", "BS-FIRE-5.L"),
    ),
    Choice(
        "sync-retry-delay",
        "Is a failed sync event retried after 5 minutes, then 15 and so on, or sooner or later?",
        ("growing", "sooner", "later"),
        ("BS-FIRE-5.3.2.1",),
    ),
    Choice(
        "sync-new-series",
        "When does registering a tag again make its attempts count from the start?",
        ("while-firing", "always", "never"),
        ("BS-REGISTER-8.1", "BS-REGISTER-8.2", "BS-RETRY-1"),
    ),
    Choice(
        "sync-cut-short",
        "Does an attempt count that was cut short when the user agent was killed?",
        ("uncounted", "counted"),
        ("BS-FIRE-5.3",),
    ),
    Choice(
        "sync-time-limit",
        "Does the user agent end a sync event whose handler takes long?",
        ("unlimited", "limited"),
        ("BS-LIMIT-1", "BS-LIMIT-2"),
    ),
    Choice(
        "sync-prompt",
        "May a tag be registered while the permission is neither granted nor denied?",
        ("resolves", "rejects"),
        ("BS-PERM-1", "BS-REGISTER-3"),
    ),
)
"""Those of one-shot background sync."""

CHOICES: dict[str, Choice] = {choice.key: choice for choice in (*_ALL, *_SYNC)}
"""Every registered choice by key."""
