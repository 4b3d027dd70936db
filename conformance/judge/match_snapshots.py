"""What registration objects show (REG, INSTANCE, UPDATE): attributes against bounds.

How many bytes are stored is known as a box of bounds, so ``downloaded`` is compared
with the box and then narrows it.  An object changes only in the task that fires
``progress`` at it (UPDATE-6.6 to 6.10), and silently when the records go (6.3); a
settle event's registration is up to date (E11).  Once the result is there the numbers
are final, and the same in every realm (E10).
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import Final, Hypothesis, Instance
from conformance.judge.refusals import Depth, Refusals
from conformance.judge.terms import Terms
from conformance.judge.words import outcome
from spec_model.choices import AS_WRITTEN_READING
from spec_model.phases import RegistrationPhase

_OLDER = f"E48={AS_WRITTEN_READING}"


@attrs.define
class Snapshots:
    """Matchers of snapshots.  ``where`` says in a report whose attributes are meant."""

    terms: Terms
    refusals: Refusals

    def _refuse(self, step: str, why: str) -> None:
        self.refusals.refuse(step, why, Depth.IN_DETAIL)

    # --- the occasions ----------------------------------------------------------------

    def given(
        self,
        hypothesis: Hypothesis,
        handle: str,
        realm: str,
        index: int,
        shown: p.Snapshot,
        where: str,
        least: int = 0,
    ) -> Iterator[Hypothesis]:
        """A promise gave an object: a known one as it was, or a new one."""
        if not self._identity(hypothesis, handle, realm, index):
            return
        known = hypothesis.instance(handle)
        if known is not None:
            yield from self.looked(hypothesis, known, shown, where)
        else:
            yield from self._shows(hypothesis, handle, realm, index, None, shown, where, least)

    def looked(
        self, hypothesis: Hypothesis, known: Instance, shown: p.Snapshot, where: str
    ) -> Iterator[Hypothesis]:
        """A known object was looked at: nothing but ``recordsAvailable`` changes by itself."""
        for step, name, before, now in (
            ("UPDATE-6.6", "downloaded", known.downloaded, shown.downloaded),
            ("UPDATE-6.7", "uploaded", known.uploaded, shown.uploaded),
            ("UPDATE-6.8", "result", known.result, shown.result),
            ("UPDATE-6.9", "failureReason", known.reason, shown.failure_reason),
        ):
            if before != now:
                why = f"{where} shows {name} {now!r}, but {known.handle} last showed {before!r}, "
                self._refuse(step, why + "and it changes only with a progress event")
                return
        if self._constants(hypothesis, known.fetch, shown, where) and self._available(
            hypothesis, known.fetch, known, shown, where
        ):
            yield hypothesis.with_instance(attrs.evolve(known, available=shown.records_available))

    def progressed(
        self, hypothesis: Hypothesis, known: Instance, shown: p.Snapshot, where: str
    ) -> Iterator[Hypothesis]:
        """A progress event: the object has changed."""
        lower = shown.downloaded < known.downloaded or shown.uploaded < known.uploaded
        if known.live and lower and not shown.result and self.terms.allows(_OLDER):
            yield from self._older(hypothesis, known, shown, where)
        yield from self._shows(
            hypothesis, known.handle, known.realm, known.fetch, known, shown, where, live=False
        )

    def _older(
        self, hypothesis: Hypothesis, known: Instance, shown: p.Snapshot, where: str
    ) -> Iterator[Hypothesis]:
        """E48 as written: a snapshot from before the object was given its numbers."""
        before = attrs.evolve(
            known,
            downloaded=min(known.downloaded, shown.downloaded),
            uploaded=min(known.uploaded, shown.uploaded),
        )
        yield from self._shows(
            hypothesis.needing({_OLDER}),
            known.handle,
            known.realm,
            known.fetch,
            before,
            shown,
            where,
            live=False,
        )

    def of_event(
        self,
        hypothesis: Hypothesis,
        handle: str,
        index: int,
        shown: p.Snapshot,
        where: str,
        *,
        final: bool,
        least: int = 0,
    ) -> Iterator[Hypothesis]:
        """An event's registration.  ``final``: of a settle event, which shows the result (E11)."""
        if not self._identity(hypothesis, handle, p.WORKER, index):
            return
        known = hypothesis.instance(handle)
        if final and not shown.result:
            fetch = hypothesis.fetch(index)
            self._refuse(
                "UPDATE-6.8",
                f"{where} shows no result, but {fetch.id!r} has settled as "
                f"{outcome(fetch.result, fetch.failure_reason)}",
            )
            return
        yield from self._shows(hypothesis, handle, p.WORKER, index, known, shown, where, least)

    # --- identity ---------------------------------------------------------------------

    def _identity(self, hypothesis: Hypothesis, handle: str, realm: str, index: int) -> bool:
        """Whether this can be the realm's one object for the fetch (INSTANCE)."""
        known = hypothesis.instance(handle)
        if known is not None:
            if (known.fetch, known.realm) == (index, realm):
                return True
            why = f"{handle} is already the registration object of another fetch or realm"
            self._refuse("INSTANCE-2", why)
            return False
        for other in hypothesis.instances:
            if other.realm == realm and other.fetch == index:
                why = f"{handle} is a second registration object in {realm} for one fetch, "
                self._refuse("INSTANCE-2", why + f"beside {other.handle}")
                return False
        return True

    # --- attributes -------------------------------------------------------------------

    def _shows(
        self,
        hypothesis: Hypothesis,
        handle: str,
        realm: str,
        index: int,
        known: Instance | None,
        shown: p.Snapshot,
        where: str,
        least: int = 0,
        *,
        live: bool = True,
    ) -> Iterator[Hypothesis]:
        if (
            self._constants(hypothesis, index, shown, where)
            and self._result(hypothesis, index, known, shown, where)
            and self._available(hypothesis, index, known, shown, where)
            and self._uploaded(hypothesis, index, known, shown, where)
        ):
            sent = self._sent(hypothesis, index, shown.uploaded)
            narrowed = self._downloaded(sent, index, known, shown, where, least)
            if narrowed is not None:
                yield narrowed.with_instance(
                    Instance.of(handle, realm, index, shown, live=live, before=known)
                )

    def _constants(self, hypothesis: Hypothesis, index: int, shown: p.Snapshot, where: str) -> bool:
        fetch = hypothesis.fetch(index)
        for step, name, should, now in (
            ("REG-6", "id", fetch.id, shown.id),
            ("REG-7", "uploadTotal", fetch.upload_total, shown.upload_total),
            ("REG-8", "downloadTotal", fetch.download_total, shown.download_total),
        ):
            if should != now:
                self._refuse(step, f"{where} shows {name} {now!r} instead of {should!r}")
                return False
        return True

    def _result(
        self,
        hypothesis: Hypothesis,
        index: int,
        known: Instance | None,
        shown: p.Snapshot,
        where: str,
    ) -> bool:
        fetch = hypothesis.fetch(index)
        pair = (shown.result, shown.failure_reason)
        now = outcome(*pair)
        if known is not None and known.result and pair != (known.result, known.reason):
            before = outcome(known.result, known.reason)
            self._refuse("UPDATE-6.4", f"{where} shows {now} after it had shown {before}")
            return False
        if pair == ("", "") or pair == (fetch.result, fetch.failure_reason):
            return True
        state = f"has settled as {outcome(fetch.result, fetch.failure_reason)}"
        if not fetch.settled:
            state = "cannot have settled yet"
        step = "UPDATE-6.9" if shown.result == fetch.result else "UPDATE-6.8"
        self._refuse(step, f"{where} shows {now}, but {fetch.id!r} {state}")
        return False

    def _available(
        self,
        hypothesis: Hypothesis,
        index: int,
        known: Instance | None,
        shown: p.Snapshot,
        where: str,
    ) -> bool:
        fetch = hypothesis.fetch(index)
        if not shown.records_available and fetch.phase is not RegistrationPhase.RECORDS_GONE:
            self._refuse(
                "PERFORM-8.13.2",
                f"{where} shows recordsAvailable false before the settle event's handler has ended",
            )
            return False
        if not shown.records_available and not shown.result:
            # What says that the records are gone says what came of them, too.
            why = f"{where} shows recordsAvailable false, but no result"
            self._refuse("UPDATE-6.3", why)
            return False
        cleared = fetch.abort == "unregister" and fetch.failure_reason == "aborted"
        if shown.records_available and shown.result and cleared:
            # E86: unregistering ends the fetch and takes its records in one step.
            why = f"{where} shows recordsAvailable true, but its worker was unregistered"
            self._refuse("PRIV-1", why)
            return False
        if shown.records_available and known is not None and not known.available:
            self._refuse("UPDATE-6.3", f"{where} shows recordsAvailable true again")
            return False
        return True

    def _uploaded(
        self,
        hypothesis: Hypothesis,
        index: int,
        known: Instance | None,
        shown: p.Snapshot,
        where: str,
    ) -> bool:
        fetch = hypothesis.fetch(index)
        most = sum(
            spec.body or 0
            for spec, locals_ in zip(fetch.requests, hypothesis.records[index], strict=True)
            if any(record.attempts for record in locals_)
        )
        least = 0 if known is None else known.uploaded
        final = hypothesis.final(index)
        if shown.result and final is not None:
            least = most = final.uploaded
        elif shown.result == "success" and not self.terms.facts.killed:
            least = fetch.upload_total
        if not least <= shown.uploaded <= most:
            should = str(least) if least == most else f"{least} to {most}"
            self._refuse(
                "RECORD-11.Q.2", f"{where} shows uploaded {shown.uploaded}, it should be {should}"
            )
            return False
        return True

    def _sent(self, hypothesis: Hypothesis, index: int, uploaded: int) -> Hypothesis:
        """Without what has not begun of a record that must have sent some of these bytes."""
        row = hypothesis.records[index]
        begun = [frozenset(record for record in locals_ if record.attempts) for locals_ in row]
        bodies = [spec.body or 0 for spec in hypothesis.fetch(index).requests]
        most = sum(body for body, some in zip(bodies, begun, strict=True) if some)
        for i, (body, some) in enumerate(zip(bodies, begun, strict=True)):
            if some and uploaded > most - body:
                hypothesis = hypothesis.with_locals(index, i, some)
        return hypothesis

    def _downloaded(
        self,
        hypothesis: Hypothesis,
        index: int,
        known: Instance | None,
        shown: p.Snapshot,
        where: str,
        least: int,
    ) -> Hypothesis | None:
        fetch = hypothesis.fetch(index)
        box = self.terms.boxes.held(hypothesis, index)
        restarted = hypothesis.restarted(index)
        lowest, highest = (0 if known is None else known.downloaded), box.hi
        lowest = 0 if restarted else max(lowest, least)
        final = hypothesis.final(index)
        if shown.result:
            lowest, highest = max(lowest, box.lo), box.hi
            if not restarted:
                lowest = max(lowest, hypothesis.shown(index))
            if final is not None:
                lowest = highest = final.downloaded
        elif final is not None and not restarted:
            highest = min(highest, final.downloaded)
        elif known is not None and not known.live and hypothesis.restarts(index) <= known.fell:
            # Every restart is older than what was shown last.
            lowest = max(known.downloaded, least)
        elif restarted:
            # The snapshot may be older than the restart; what did not begin anew never falls.
            ever = [self._ever(hypothesis, index, i) for i in range(len(fetch.requests))]
            highest = max(highest, sum(ever))
            if known is not None and not known.live:
                rows = zip(hypothesis.records[index], ever, strict=True)
                fallen = sum(most for row, most in rows if any(r.generation for r in row))
                lowest = max(0, known.downloaded - fallen)
        step, quota = "UPDATE-6.6", hypothesis.agent.quota
        total = fetch.download_total or None
        for limit, broken in ((quota, "RECORD-11.R.6.3"), (total, "RECORD-11.R.6.1")):
            if limit is not None:
                highest = min(highest, limit)
                step = broken if shown.downloaded > limit else step
        if not lowest <= shown.downloaded <= highest:
            should = str(lowest) if lowest == highest else f"{lowest} to {highest}"
            self._refuse(
                step, f"{where} shows downloaded {shown.downloaded}, it should be {should}"
            )
            return None
        if shown.result:
            summed = self._adding_up(hypothesis, index, shown.downloaded)
            if summed is None:
                why = f"{where} shows downloaded {shown.downloaded}, which its records cannot hold"
                self._refuse("UPDATE-6.6", why)
                return None
            hypothesis = summed
        if shown.result and final is None:
            last = Final(index, shown.downloaded, shown.uploaded)
            hypothesis = attrs.evolve(hypothesis, finals=(*hypothesis.finals, last))
        if not restarted:
            return self._floored(hypothesis, index, shown.downloaded)
        if known is not None and shown.downloaded < known.downloaded and not shown.result:
            fell = known.fell if known.live else known.fell + 1
            anew = self._as_often(hypothesis, index, fell, where)
            return anew and self._decreased(anew, index, shown.downloaded, where)
        return hypothesis

    def _adding_up(self, hypothesis: Hypothesis, index: int, total: int) -> Hypothesis | None:
        """Every record narrowed to what it can hold if they hold so much together."""
        boxes = self.terms.boxes
        spans = [boxes.span(locals_) for locals_ in hypothesis.records[index]]
        least, most = sum(s.lo for s in spans), sum(s.hi for s in spans)
        for i, locals_ in enumerate(hypothesis.records[index]):
            lo, hi = total - (most - spans[i].hi), total - (least - spans[i].lo)
            kept = frozenset(
                r for r in locals_ if boxes.extent(r).lo <= hi and boxes.extent(r).hi >= lo
            )
            if not kept:
                return None
            hypothesis = hypothesis.with_locals(index, i, kept)
        return hypothesis

    def _ever(self, hypothesis: Hypothesis, fetch: int, index: int) -> int:
        """Bytes that a record can have held at any time, whatever became of them."""
        locals_ = hypothesis.records[fetch][index]
        most = self.terms.boxes.span(locals_).hi
        if not any(record.generation for record in locals_):
            return most
        facts, url = self.terms.facts, hypothesis.fetch(fetch).requests[index].url
        exchanges = facts.exchanges.values()
        own = [each for each in exchanges if each.url == url and not facts.targets]
        return max(most, *(each.reach for each in own or exchanges))

    def _decreased(
        self, hypothesis: Hypothesis, index: int, shown: int, where: str
    ) -> Hypothesis | None:
        """Fewer bytes than before: one record has begun anew, and holds what it has got since."""
        row = hypothesis.records[index]
        # The others may have begun anew since this snapshot was taken.
        ever = [self._ever(hypothesis, index, i) for i in range(len(row))]
        anew = [frozenset(r for r in locals_ if r.generation) for locals_ in row]
        possible = []
        for i, members in enumerate(anew):
            if not members:
                continue
            # Begun anew twice, and the snapshot may be from between.
            twice = any(record.generation > 1 for record in members)
            own = ever[i] if twice else self.terms.boxes.span(members).hi
            if shown <= sum(ever) - ever[i] + own:
                possible.append(i)
        if not possible:
            why = f"{where} shows downloaded {shown}, less than before, but nothing began anew"
            self._refuse("RECORD-11.R.3.4", why)
            return None
        if len(possible) == 1:
            return hypothesis.with_locals(index, possible[0], anew[possible[0]])
        return hypothesis

    def _as_often(
        self, hypothesis: Hypothesis, index: int, fell: int, where: str
    ) -> Hypothesis | None:
        """Whenever an object showed fewer bytes than before, a record had begun anew once more."""
        most = hypothesis.restarts(index)
        for i, locals_ in enumerate(hypothesis.records[index]):
            own = max(record.generation for record in locals_)
            kept = frozenset(r for r in locals_ if most - own + r.generation >= fell)
            if not kept:
                why = f"{where} shows fewer bytes than before, {fell} times by now, but "
                self._refuse("RECORD-11.R.3.4", why + f"at most {most} times a record began anew")
                return None
            hypothesis = hypothesis.with_locals(index, i, kept)
        return hypothesis

    def _floored(self, hypothesis: Hypothesis, index: int, downloaded: int) -> Hypothesis | None:
        """So many bytes are stored in all: each record has at least what the others cannot have."""
        boxes = self.terms.boxes
        spans = [boxes.span(locals_) for locals_ in hypothesis.records[index]]
        missing = sum(s.hi for s in spans) - downloaded
        for i, locals_ in enumerate(hypothesis.records[index]):
            floor = spans[i].hi - missing
            if floor <= spans[i].lo:
                continue
            kept = frozenset(
                record if record.settled else attrs.evolve(record, floor=max(record.floor, floor))
                for record in locals_
                if boxes.extent(record).hi >= floor
            )
            if not kept:
                return None
            hypothesis = hypothesis.with_locals(index, i, kept)
        return hypothesis
