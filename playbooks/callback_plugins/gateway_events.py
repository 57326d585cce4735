"""One JSON object a line for each thing that happens: what `gateway apply` reads.

Only a task's name, its outcome, and what gateway-box said in its last line are told; a task with
``no_log`` has nothing else to tell anyway.
"""

from __future__ import annotations

import contextlib
import json
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: gateway_events
    type: stdout
    short_description: events as lines of JSON
    description: [What gateway apply reads.]
"""


class CallbackModule(CallbackBase):
    """The plug-in, named as Ansible wants it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "gateway_events"

    def __init__(self):
        """Nothing has begun."""
        super().__init__()
        self._began = time.monotonic()

    def _tell(self, **values):
        print(json.dumps(values), flush=True)

    def v2_playbook_on_task_start(self, task, **_more):
        """A task begins."""
        self._began = time.monotonic()
        self._tell(event="begin", task=task.get_name())

    def _end(self, result, event):
        values = result._result
        said = values.get("msg")  # of a debug task
        lines = str(values.get("stdout", "")).strip().splitlines()
        if lines:
            with contextlib.suppress(ValueError):
                said = json.loads(lines[-1])
        self._tell(
            event=event,
            task=result._task.get_name(),
            host=result._host.get_name(),
            seconds=round(time.monotonic() - self._began, 2),
            changed=bool(values.get("changed")),
            message=str(values.get("msg", "")),
            stderr=str(values.get("stderr", ""))[-8000:],
            said=said if isinstance(said, dict) else None,
        )

    def v2_runner_on_ok(self, result):
        """A task went well."""
        self._end(result, "ok")

    def v2_runner_on_skipped(self, result):
        """A task was not needed."""
        self._end(result, "skipped")

    def v2_runner_on_failed(self, result, **_more):
        """A task failed."""
        self._end(result, "failed")

    def v2_runner_on_unreachable(self, result):
        """The box does not answer."""
        self._end(result, "unreachable")
