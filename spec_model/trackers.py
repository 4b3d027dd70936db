"""Where an erratum has come up in the tracker of the specification.

A number is that of an issue or pull request of WICG/background-fetch whose text is about
the defect itself, or about the rule that the defect is in.  Most errata have none.
"""

from __future__ import annotations

TRACKERS: dict[str, tuple[int, ...]] = {
    "E10": (105,),
    "E11": (145,),
    "E14": (115,),
    "E22": (153, 154, 155, 157),
    "E24": (26,),
    "E26": (157,),
    "E32": (26,),
    "E37": (164,),
    "E38": (164,),
    "E42": (26,),
    "E53": (130,),
    "E59": (164,),
    "E60": (92,),
    "E62": (110, 136),
    "E63": (9,),
    "E64": (169,),
    "E68": (87, 143),
    "E74": (89,),
    "E77": (105,),
    "E78": (129,),
    "E83": (145, 147),
    "E90": (37,),
}
"""Numbers by erratum."""
