"""What is seen of a function that runs on watched objects."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from conformance.explore.tables import Anatomy, Plan
from conformance.explore.watching import Recorder, lifted, recording, resolve, seen, untouched


@attrs.frozen
class Tap:
    litres: int = 3
    colour: str = "red"

    @property
    def runs(self) -> bool:
        return self.litres > 0


@attrs.frozen
class House:
    taps: tuple[Tap, ...] = (Tap(), Tap(0, "blue"))


def more(tap: Tap, litres: int) -> Tap:
    return attrs.evolve(tap, litres=tap.litres + litres)


def both(old: Tap, new: Tap) -> int:
    return old.litres + new.litres


class Watch:
    """Runs functions on a watched house, and on what they make of others."""

    def __init__(self) -> None:
        self.anatomy = Anatomy({House: frozenset(), Tap: frozenset()})
        self.cells, self.plan = self._apart(House())
        self.reads: list[tuple[int, object]] = []

    def _apart(self, house: House) -> tuple[list[int], Plan]:
        shape, sources = self.anatomy.take_apart(house, None)
        return [cell for cell in sources if isinstance(cell, int)], self.anatomy.plan(shape)

    def run(self, function: Callable[[House], House], *houses: House) -> list[object]:
        """What the function makes of each house, having run on the first only."""
        kinds = self.plan.kinds
        recorder = Recorder(lambda t: kinds[t.cell].value(self.cells[t.cell], t.aspect))
        with recording(recorder):
            result = function(self.anatomy.watched(self.plan))
            shape, sources = self.anatomy.take_apart(result, self.plan, resolve)
        self.reads = [(token.cell, token.aspect) for token in recorder.reads]
        made: list[object] = []
        for house in houses or (House(),):
            old, _ = self._apart(house)
            new = []
            for source in sources:
                if isinstance(source, int):
                    new.append(source)
                else:
                    cell, delta = source
                    new.append(old[cell] if delta is None else delta[old[cell]])
            made.append(self.anatomy.value(self.anatomy.plan(shape), tuple(new)))
        return made


def change(function: Callable[[Tap], Tap]) -> Callable[[House], House]:
    return lambda house: House((function(house.taps[0]), house.taps[1]))


@pytest.fixture
def watch() -> Watch:
    return Watch()


OTHER = House((Tap(7, "green"), Tap(1, "blue")))


def test_an_evolved_object_keeps_what_was_not_read(watch: Watch) -> None:
    made = watch.run(change(lambda tap: attrs.evolve(tap, litres=0)), House(), OTHER)
    assert made == [House((Tap(0), Tap(0, "blue"))), House((Tap(0, "green"), Tap(1, "blue")))]
    assert watch.reads == []


def test_a_field_that_is_read_is_noted_once(watch: Watch) -> None:
    watch.run(change(lambda tap: more(more(tap, 1), 1)))
    assert watch.reads == [(0, "litres")]


def test_a_lifted_function_reads_nothing_and_is_done_to_each(watch: Watch) -> None:
    made = watch.run(change(lambda tap: lifted(more, tap, 2)), House(), OTHER)
    assert made == [House((Tap(5), Tap(0, "blue"))), House((Tap(9, "green"), Tap(1, "blue")))]
    assert watch.reads == []


def test_lifted_functions_and_changes_are_done_in_their_order(watch: Watch) -> None:
    def both_ways(tap: Tap) -> Tap:
        return lifted(more, attrs.evolve(lifted(more, tap, 2), colour="grey"), 10)

    made = watch.run(change(both_ways), OTHER)
    assert made == [House((Tap(19, "grey"), Tap(1, "blue")))]
    assert watch.reads == []


def test_what_a_lifted_function_gave_can_be_read(watch: Watch) -> None:
    def filled(tap: Tap) -> Tap:
        return tap if lifted(more, tap, 2).litres == 5 else attrs.evolve(tap, litres=0)

    assert watch.run(change(filled)) == [House()]
    assert len(watch.reads) == 1


def test_a_function_of_an_object_before_and_after_is_one_read(watch: Watch) -> None:
    def counted(tap: Tap) -> Tap:
        return attrs.evolve(tap, litres=seen(both, tap, lifted(more, tap, 2)))

    assert watch.run(change(counted)) == [House((Tap(8), Tap(0, "blue")))]
    assert len(watch.reads) == 1


def test_a_property_is_one_read_of_its_own(watch: Watch) -> None:
    made = watch.run(change(lambda tap: attrs.evolve(tap, colour=str(tap.runs))))
    assert made == [House((Tap(3, "True"), Tap(0, "blue")))]
    assert [cell for cell, _ in watch.reads] == [0]
    assert watch.reads != [(0, "litres")]


def test_an_object_made_of_two_is_read_where_it_is_not_plain(watch: Watch) -> None:
    def mixed(house: House) -> House:
        one, other = house.taps
        return House((attrs.evolve(one, colour=other.colour), other))

    assert watch.run(mixed) == [House((Tap(3, "blue"), Tap(0, "blue")))]
    assert watch.reads == [(1, "colour")]


def test_asking_whether_a_field_was_touched_is_no_read(watch: Watch) -> None:
    def asked(tap: Tap) -> Tap:
        changed = attrs.evolve(tap, litres=0)
        assert untouched(changed, tap, "colour") and not untouched(changed, tap, "litres")
        return changed

    watch.run(change(asked))
    assert watch.reads == []
