"""Adapter of kafka-python, written for 2.0.2 (2020) and for 3: producers and consumers. Their admin
clients share little and are in kafka_python_admin.py.

2.0.2 has no idempotence, transactions, static membership, cooperative rebalance or isolation level.
"""

import logging
import os
import re
import sys
import time

try:
    import kafka  # noqa: F401
except ModuleNotFoundError:
    # 2.0.2 brings a copy of six that Python 3.12 cannot import from; the real six stands in for it.
    import six

    for name in [each for each in sys.modules if each.startswith("kafka")]:
        del sys.modules[name]
    sys.modules["kafka.vendor.six.moves"] = six.moves

import kafka
from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from adapter import Adapter, Failure, Handle, record, to_bytes, unsupported
from kafka_codes import name_of
from kafka_python_admin import admin_of

NEW = int(kafka.__version__.split(".")[0]) >= 3

WAIT_SECONDS = 30

SLICE_MS = 1_000
"""One wait of a poll: a rebalance does not end the library's own wait. Not shorter than this, though
more than was asked for: with 3.0.12 a wait that ends while the group is joined loses the join.
"""

ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
}
if NEW:
    from kafka.net.sasl.oauth import AbstractTokenProvider
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
    from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

    # 2.0.2 has one too, which fails in Python 3.10 and newer (no len() of an iterator).
    ASSIGNORS["sticky"] = StickyPartitionAssignor
    ASSIGNORS["cooperative-sticky"] = CooperativeStickyAssignor
else:
    from kafka.oauth.abstract import AbstractTokenProvider


class GivenToken(AbstractTokenProvider):
    def __init__(self, token):
        self._token = token

    def token(self):
        return self._token


def login(sasl):
    if sasl is None:
        return {}
    settings = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": sasl["mechanism"]}
    if "token" in sasl:
        return {**settings, "sasl_oauth_token_provider": GivenToken(sasl["token"])}
    return {
        **settings,
        "sasl_plain_username": sasl["username"],
        "sasl_plain_password": sasl["password"],
    }


def common(request):
    return {
        **login(request.get("sasl")),
        "bootstrap_servers": request["bootstrap"],
        "client_id": request["handle"],
        "metadata_max_age_ms": 2_000,
    }


def offset_of(offset):
    return OffsetAndMetadata(offset, "", -1) if NEW else OffsetAndMetadata(offset, "")


class ProducerHandle(Handle):
    def __init__(self, handles, request):
        self.handles = handles
        self.answered = (request.get("config") or {}).get("acks") != 0
        self.producer = KafkaProducer(**common(request), **producer_settings(request))

    def send(self, request):
        if any(each.get("key") is None and each.get("value") is None for each in request["records"]):
            raise unsupported("a record without key and value")
        sent = [
            self.producer.send(
                request["topic"],
                value=to_bytes(each.get("value")),
                key=to_bytes(each.get("key")),
                headers=headers_of(each),
                partition=each.get("partition"),
                timestamp_ms=each.get("timestamp"),
            )
            for each in request["records"]
        ]
        self.producer.flush(timeout=WAIT_SECONDS)
        done = [each.get(timeout=WAIT_SECONDS) for each in sent]
        return {"acks": [{"partition": each.partition, "offset": self._offset(each)} for each in done]}

    def _offset(self, done):
        return done.offset if self.answered else -1

    def init(self, request):
        self._transactional().init_transactions()

    def begin(self, request):
        self._transactional().begin_transaction()

    def commit(self, request):
        self._transactional().commit_transaction()

    def abort(self, request):
        self._transactional().abort_transaction()

    def send_offsets(self, request):
        consumer = self.handles[request["consumer"]].handle.consumer
        offsets = {at(each): offset_of(each["offset"]) for each in request["offsets"]}
        producer = self._transactional()
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())

    def _transactional(self):
        if not NEW:
            raise unsupported("transactions")
        return self.producer

    def close(self, request):
        self.producer.close(timeout=WAIT_SECONDS)


def headers_of(each):
    headers = [(name, to_bytes(data)) for name, data in each.get("headers") or []]
    if any(data is None for _, data in headers):
        raise unsupported("a header without a value")
    return headers


def producer_settings(request):
    config = request.get("config") or {}
    codec = config.get("codec", "none")
    acks = config.get("acks", -1)
    settings = {
        "acks": "all" if acks == -1 else acks,
        "compression_type": None if codec == "none" else codec,
        "retries": 10,
        "max_block_ms": WAIT_SECONDS * 1000,
    }
    names = {
        "lingerMs": "linger_ms",
        "maxInFlight": "max_in_flight_requests_per_connection",
        "maxRequestBytes": "max_request_size",
    }
    settings.update({names[name]: config[name] for name in names if name in config})
    if NEW:
        settings["retries"] = 2**31 - 1
        settings["delivery_timeout_ms"] = WAIT_SECONDS * 1000
        settings["request_timeout_ms"] = WAIT_SECONDS * 500
        settings["enable_idempotence"] = config.get("idempotence", acks == -1)
        if "transactionalId" in config:
            settings["transactional_id"] = config["transactionalId"]
        if "transactionTimeoutMs" in config:
            settings["transaction_timeout_ms"] = config["transactionTimeoutMs"]
    elif config.get("idempotence") or "transactionalId" in config:
        raise unsupported("an idempotent or transactional producer")
    return settings


class Listener(ConsumerRebalanceListener):
    def __init__(self, events):
        self._events = events

    def on_partitions_revoked(self, revoked):
        self._note("revoked", revoked)

    def on_partitions_assigned(self, assigned):
        self._note("assigned", assigned)

    def on_partitions_lost(self, lost):
        self._note("lost", lost)

    def _note(self, kind, partitions):
        if partitions:
            self._events.append({"type": kind, "partitions": pairs(partitions)})


class ConsumerHandle(Handle):
    def __init__(self, handles, request):
        self.events = []
        self.consumer = KafkaConsumer(**common(request), **consumer_settings(request))

    def subscribe(self, request):
        listener = Listener(self.events)
        if request.get("topics") is not None:
            self.consumer.subscribe(topics=request["topics"], listener=listener)
        else:
            # The library matches from the start of a name on, Kafka's own clients whole names.
            pattern = f"(?:{request['pattern']})$"
            self.consumer.subscribe(pattern=pattern, listener=listener)

    def assign(self, request):
        self.consumer.assign([at(each) for each in request["partitions"]])
        for each in request["partitions"]:
            if each["offset"] == "earliest":
                self.consumer.seek_to_beginning(at(each))
            elif each["offset"] == "latest":
                self.consumer.seek_to_end(at(each))
            elif each["offset"] != "committed":
                self.consumer.seek(at(each), each["offset"])

    def poll(self, request):
        deadline = time.monotonic() + request["timeoutMs"] / 1000
        records = []
        while not records and not self.events:
            found = self.consumer.poll(timeout_ms=SLICE_MS, max_records=request["maxRecords"])
            records = [read(each) for batch in found.values() for each in batch]
            if time.monotonic() >= deadline:
                break
        events = self.events[:]
        self.events.clear()
        return {
            "records": records,
            "assignment": pairs(self.consumer.assignment()),
            "events": events,
        }

    def commit(self, request):
        if "offsets" in request:
            asked = request["offsets"]
            self.consumer.commit({at(each): offset_of(each["offset"]) for each in asked})
        else:
            self.consumer.commit()

    def committed(self, request):
        return self._each(request, self.consumer.committed)

    def position(self, request):
        return self._each(request, self.consumer.position)

    def _each(self, request, offset):
        asked = request["partitions"]
        return {"offsets": [{**pair(at(each)), "offset": offset(at(each))} for each in asked]}

    def seek(self, request):
        self.consumer.seek(at(request), request["offset"])

    def offsets_for_times(self, request):
        asked = {at(each): each["timestamp"] for each in request["partitions"]}
        found = self.consumer.offsets_for_times(asked)
        return {
            "offsets": [
                {**pair(each), "offset": None if found[each] is None else found[each].offset}
                for each in asked
            ]
        }

    def beginning_offsets(self, request):
        asked = [at(each) for each in request["partitions"]]
        return self._each(request, self.consumer.beginning_offsets(asked).get)

    def end_offsets(self, request):
        asked = [at(each) for each in request["partitions"]]
        return self._each(request, self.consumer.end_offsets(asked).get)

    def pause(self, request):
        self.consumer.pause(*(at(each) for each in request["partitions"]))

    def resume(self, request):
        self.consumer.resume(*(at(each) for each in request["partitions"]))

    def close(self, request):
        self.consumer.close(autocommit=False)


def consumer_settings(request):
    config = request.get("config") or {}
    if config.get("protocol") == "consumer":
        raise unsupported("the consumer protocol")
    assignor = config.get("assignor", "range")
    if assignor not in ASSIGNORS:
        raise unsupported(f"assignor {assignor}")
    settings = {
        "group_id": request.get("group"),
        "enable_auto_commit": False,
        "auto_offset_reset": config.get("offsetReset", "latest"),
        "partition_assignment_strategy": (ASSIGNORS[assignor],),
        "fetch_max_wait_ms": 50,
    }
    session_ms = config.get("sessionTimeoutMs")
    if session_ms is not None:
        settings["session_timeout_ms"] = session_ms
        settings["heartbeat_interval_ms"] = min(3_000, session_ms // 3)
    if "heartbeatMs" in config:
        settings["heartbeat_interval_ms"] = config["heartbeatMs"]
    if "rebalanceTimeoutMs" in config:
        settings["max_poll_interval_ms"] = config["rebalanceTimeoutMs"]
    if "isolation" in config:
        if NEW:
            settings["isolation_level"] = config["isolation"]
        elif config["isolation"] == "read_committed":
            raise unsupported("isolation level read_committed")
    if "instanceId" in config:
        if not NEW:
            raise unsupported("static membership")
        settings["group_instance_id"] = config["instanceId"]
    return settings


def at(partition):
    return TopicPartition(partition["topic"], partition["partition"])


def pair(partition):
    return {"topic": partition.topic, "partition": partition.partition}


def pairs(partitions):
    return [pair(each) for each in sorted(partitions)]


def read(message):
    return record(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        message.headers,
    )


FENCED = {"PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH", "FENCED_INSTANCE_ID"}


def failure_of(error):
    if isinstance(error, Failure):
        return error
    if not isinstance(error, KafkaError):
        return None
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:
        code = name_of(number)
    else:
        own = type(error).__name__.removesuffix("Error")
        code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", own).upper()
        cause = re.search(r"error state: \[Error (\d+)\]", str(error))
        if cause is not None:
            code = name_of(int(cause[1]))
    return Failure(code, str(error), error.retriable, code in FENCED, "ABORTABLE" in code)


FEATURES = """
    groups regex pause seek-time headers timestamps admin codec:none codec:gzip codec:snappy
    codec:lz4 codec:zstd crash manual-partition keyed
    sasl:PLAIN sasl:SCRAM-SHA-256 sasl:SCRAM-SHA-512 sasl:OAUTHBEARER
""".split()

if NEW:
    FEATURES += ["idempotent", "transactions", "static", "cooperative", "read-committed"]

HELLO = {"client": "kafka-python", "version": kafka.__version__, "features": FEATURES}

if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("LOG", "WARNING"))
    kinds = {"producer": ProducerHandle, "consumer": ConsumerHandle, "admin": admin_of(NEW, common)}
    Adapter(HELLO, kinds, failure_of).run()
