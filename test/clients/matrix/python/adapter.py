"""The adapter protocol for Python clients: one JSON request per line in, one JSON answer per line out.

Knows lines, threads and base64, and no Kafka client. Each handle has a thread of its own, so its
requests run one after another while other handles go on. stdout belongs to the protocol: whatever
a library prints goes to stderr.
"""

import base64
import json
import os
import queue
import sys
import threading
import traceback


class Failure(Exception):
    """An answer that is an error. `code` is Kafka's name, or the client's own when Kafka has none."""

    def __init__(self, code, message="", retriable=False, fatal=False, abortable=False):
        super().__init__(f"{code}: {message}")
        self.body = {
            "code": code,
            "message": message,
            "retriable": bool(retriable),
            "fatal": bool(fatal),
            "abortable": bool(abortable),
        }


def unsupported(what):
    """The error of a verb or an option that this client does not have."""
    return Failure("UNSUPPORTED", what)


def to_bytes(text):
    return None if text is None else base64.b64decode(text)


def to_text(data):
    return None if data is None else base64.b64encode(data).decode("ascii")


def record(topic, partition, offset, timestamp, key, value, headers):
    """A consumed record as the protocol has it."""
    return {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
        "key": to_text(key),
        "value": to_text(value),
        "headers": [[name, to_text(data)] for name, data in headers or []],
    }


class Handle:
    """What a producer, consumer or admin object of an adapter is; verbs are methods by their names."""

    def __init__(self, handles, request):
        """Opens the client with the request's `bootstrap` and `config`; `handles` finds the others."""

    def close(self, request):
        raise NotImplementedError


class _Worker:
    """One handle and its thread. The handle is made in the thread, as some clients demand."""

    def __init__(self, adapter, kind):
        self.handle = None
        self.requests = queue.SimpleQueue()
        self._adapter = adapter
        self._kind = kind
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            request = self.requests.get()
            verb = request["verb"].split(".", 1)[1]
            self._adapter.answer(request, lambda: self._call(verb, request))
            if verb == "close":
                return

    def _call(self, verb, request):
        if verb == "open":
            self.handle = self._kind(self._adapter.handles, request)
            return {}
        if self.handle is None:
            raise Failure("CLOSED", f"handle {request['handle']} is not open")
        method = getattr(self.handle, _snake(verb), None)
        if method is None:
            raise unsupported(request["verb"])
        return method(request) or {}


class Adapter:
    """Reads stdin to its end. `kinds` are handle classes by the first word of a verb."""

    def __init__(self, hello, kinds, failure_of):
        self.handles = {}
        self._hello = hello
        self._kinds = kinds
        self._failure_of = failure_of
        self._lock = threading.Lock()
        self._out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)

    def run(self):
        for line in sys.stdin:
            if line.strip():
                self._dispatch(json.loads(line))
        os._exit(self._close_all())

    def answer(self, request, call):
        """Answers with what `call` returns or with the failure it raises."""
        try:
            body = {"ok": call()}
        except Exception as error:  # every exception of a client library is an answer
            failure = self._failure_of(error)
            if failure is None:
                traceback.print_exc()
                failure = Failure(type(error).__name__, str(error))
            body = {"error": failure.body}
        with self._lock:
            self._out.write(json.dumps({"id": request["id"], **body}) + "\n")

    def _dispatch(self, request):
        noun, _, verb = request["verb"].partition(".")
        if noun == "hello":
            return self.answer(request, lambda: self._hello)
        if noun not in self._kinds:
            return self.answer(request, lambda: _raise(unsupported(request["verb"])))
        handle = request["handle"]
        if verb == "open":
            self.handles[handle] = _Worker(self, self._kinds[noun])
        worker = self.handles.get(handle)
        if worker is None:
            missing = Failure("CLOSED", f"there is no handle {handle}")
            return self.answer(request, lambda: _raise(missing))
        if verb == "close":
            del self.handles[handle]
        worker.requests.put(request)

    def _close_all(self):
        """Closes what is still open, in parallel; a client that hangs does not keep us."""
        workers = [worker.handle for worker in self.handles.values() if worker.handle is not None]
        threads = [threading.Thread(target=_quietly, args=(each,), daemon=True) for each in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)
        return 0


def _quietly(handle):
    try:
        handle.close({})
    except Exception:
        traceback.print_exc()


def _raise(error):
    raise error


def _snake(verb):
    """`offsetsForTimes` names the method `offsets_for_times`; nothing private can be named."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in verb).lstrip("_")
