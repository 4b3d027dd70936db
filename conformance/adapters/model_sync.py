"""The sync system of the model: the judge's commands as its inputs, its outputs as observations.

The surroundings are those of Background Fetch too; what is said of sync alone is not.
"""

from __future__ import annotations

from typing import TypeAlias

import conformance.protocol as p
from spec_model import messages as m
from spec_model.background_fetch import Rejected
from spec_model.background_sync import state as sync
from spec_model.kernel import System

SyncSystem: TypeAlias = System[sync.State, sync.Input, sync.Task, sync.Output]

SYNC = "sync"
"""The name of the worker's event."""


def start(command: p.Begin) -> sync.State:
    """How a scenario begins."""
    return sync.State(
        listening=SYNC in command.listen, online=command.online, permission=command.permission
    )


def only_sync(command: p.AnyCommand) -> bool:
    """Whether a command is no business of Background Fetch."""
    match command:
        case p.SyncRegister() | p.SyncGetTags():
            return True
        case p.EndEvent():
            return command.event.startswith(sync.EVENT)  # it may be over
    return False


def input_of(command: p.AnyCommand) -> sync.Input | None:
    """The input that a command is; None for one that is no business of sync."""
    match command:
        case p.SyncRegister():
            return sync.CallRegister(command.call, command.realm, command.tag)
        case p.SyncGetTags():
            return sync.CallGetTags(command.call, command.realm)
        case p.EndEvent():
            return sync.SyncEnded(command.event, command.outcome == "resolve")
        case p.Advance():
            return sync.Elapsed(command.seconds)
    return _surroundings(command)


def _surroundings(command: p.AnyCommand) -> sync.Input | None:
    match command:
        case p.OpenPage():
            return m.PageOpened(command.page)
        case p.ClosePage():
            return m.PageClosed(command.page)
        case p.Online():
            return m.WentOnline(command.online)
        case p.SetPermission():
            return m.PermissionSet(command.state)
        case p.Unregister():
            return m.CallUnregister(command.call, "p1")
        case p.Quit():
            return m.UserAgentQuit(command.kill)
        case p.Launch():
            return m.UserAgentLaunched("p1")
    return None


def observation_of(output: sync.Output) -> p.Settled | p.WorkerEvent:
    """What an implementation pushes where the model shows this."""
    if isinstance(output, sync.SyncFired):
        return p.WorkerEvent(output.event, SYNC, tag=output.tag, last_chance=output.last_chance)
    match output.value:
        case Rejected():
            return p.Settled(output.call, error=output.value.error)
        case tuple():
            return p.Settled(output.call, strings=list(output.value))
    return p.Settled(output.call)
