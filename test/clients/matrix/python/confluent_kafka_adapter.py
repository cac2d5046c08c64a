"""Adapter of confluent-kafka, the Python client over librdkafka. What it prints is adapter.py's business.

Settings differ from the library's own where a scenario needs another client's behaviour or a short
wait: the Java partitioner, 30 s instead of 5 min until a delivery fails, fresh metadata.
"""

import sys
import time
import uuid

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions, TopicCollection
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
)

from adapter import Adapter, Failure, Handle, record, to_bytes, unsupported
from kafka_codes import name_of

WAIT_SECONDS = 30
"""For calls that the library would otherwise wait on without end."""

SLICE_SECONDS = 0.1
"""One wait of a poll: a rebalance callback does not end the library's own wait."""

TOKEN_SECONDS = 3_600
"""How long the library is told that a token is good."""

SPECIAL = {
    "earliest": confluent_kafka.OFFSET_BEGINNING,
    "latest": confluent_kafka.OFFSET_END,
    "committed": confluent_kafka.OFFSET_STORED,
}

STATES = {
    "STABLE": "Stable",
    "EMPTY": "Empty",
    "DEAD": "Dead",
    "PREPARING_REBALANCING": "PreparingRebalance",
    "COMPLETING_REBALANCING": "CompletingRebalance",
}


def login(sasl):
    if sasl is None:
        return {}
    settings = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": sasl["mechanism"]}
    if "token" in sasl:
        given = (sasl["token"], time.time() + TOKEN_SECONDS, sasl["username"], {})
        return {**settings, "oauth_cb": lambda _: given}
    return {
        **settings,
        "sasl.username": sasl["username"],
        "sasl.password": sasl["password"],
    }


def common(request):
    return {
        **login(request.get("sasl")),
        "bootstrap.servers": request["bootstrap"],
        "client.id": request["handle"],
        "broker.address.family": "v4",
        "topic.metadata.refresh.interval.ms": 2_000,
        "log_level": 4,
    }


class ProducerHandle(Handle):
    def __init__(self, handles, request):
        self.handles = handles
        config = request.get("config") or {}
        names = {
            "idempotence": "enable.idempotence",
            "acks": "acks",
            "codec": "compression.type",
            "transactionalId": "transactional.id",
            "transactionTimeoutMs": "transaction.timeout.ms",
            "lingerMs": "linger.ms",
            "maxInFlight": "max.in.flight",
            "maxRequestBytes": "message.max.bytes",
        }
        settings = {names[name]: value for name, value in config.items()}
        settings["partitioner"] = "murmur2_random"
        settings["message.timeout.ms"] = min(
            WAIT_SECONDS * 1000, config.get("transactionTimeoutMs", WAIT_SECONDS * 1000)
        )
        self.producer = Producer({**common(request), **settings})

    def send(self, request):
        acks = [None] * len(request["records"])
        failures = []
        for at, each in enumerate(request["records"]):
            optional = {name: each[name] for name in ("partition", "timestamp") if name in each}

            def delivered(error, message, at=at):
                if error is not None:
                    failures.append(error)
                else:
                    offset = message.offset()
                    acks[at] = {
                        "partition": message.partition(),
                        "offset": -1 if offset is None else offset,
                    }

            self._produce(
                topic=request["topic"],
                key=to_bytes(each.get("key")),
                value=to_bytes(each.get("value")),
                headers=[(name, to_bytes(data)) for name, data in each.get("headers") or []],
                on_delivery=delivered,
                **optional,
            )
            self.producer.poll(0)
        self.producer.flush()
        if failures:
            raise KafkaException(failures[0])
        return {"acks": acks}

    def _produce(self, **message):
        while True:
            try:
                return self.producer.produce(**message)
            except BufferError:
                self.producer.poll(SLICE_SECONDS)

    def init(self, request):
        self.producer.init_transactions(WAIT_SECONDS)

    def begin(self, request):
        self.producer.begin_transaction()

    def commit(self, request):
        self.producer.commit_transaction(WAIT_SECONDS)

    def abort(self, request):
        self.producer.abort_transaction(WAIT_SECONDS)

    def send_offsets(self, request):
        consumer = self.handles[request["consumer"]].handle.consumer
        self.producer.send_offsets_to_transaction(
            placed(request["offsets"]), consumer.consumer_group_metadata(), WAIT_SECONDS
        )

    def close(self, request):
        try:
            self.producer.flush(WAIT_SECONDS)
        except KafkaException:
            pass  # A fenced producer says so once more; `send` has reported what was not delivered.


class ConsumerHandle(Handle):
    def __init__(self, handles, request):
        self.events = []
        self.consumer = Consumer({**common(request), **consumer_settings(request)})

    def subscribe(self, request):
        topics = request.get("topics")
        if topics is None:
            pattern = request["pattern"]
            topics = [pattern if pattern.startswith("^") else f"^{pattern}"]
        self.consumer.subscribe(
            topics,
            on_assign=self._told("assigned"),
            on_revoke=self._told("revoked"),
            on_lost=self._told("lost"),
        )

    def _told(self, kind):
        def note(_, partitions):
            if partitions:
                self.events.append({"type": kind, "partitions": pairs(partitions)})

        return note

    def assign(self, request):
        self.consumer.assign(placed(request["partitions"]))

    def poll(self, request):
        deadline = time.monotonic() + request["timeoutMs"] / 1000
        records = []
        while not records and not self.events:
            left = deadline - time.monotonic()
            message = self.consumer.poll(max(0, min(left, SLICE_SECONDS)))
            if message is not None:
                more = self.consumer.consume(max(0, request["maxRecords"] - 1), 0)
                records.extend(read(each) for each in [message, *more] if not passing(each))
            if left <= 0:
                break
        events, self.events = self.events, []
        return {
            "records": records,
            "assignment": pairs(self.consumer.assignment()),
            "events": events,
        }

    def commit(self, request):
        offsets = request.get("offsets")
        try:
            if offsets is not None:
                committed = self.consumer.commit(offsets=placed(offsets), asynchronous=False)
            else:
                committed = self.consumer.commit(asynchronous=False)
        except KafkaException as error:
            if error.args[0].name() == "_NO_OFFSET" and offsets is None:
                return
            raise
        raise_first(committed)

    def committed(self, request):
        return known(self.consumer.committed(placed(request["partitions"]), WAIT_SECONDS))

    def position(self, request):
        return known(self.consumer.position(placed(request["partitions"])))

    def seek(self, request):
        self.consumer.seek(placed([request])[0])

    def offsets_for_times(self, request):
        asked = [
            TopicPartition(each["topic"], each["partition"], each["timestamp"])
            for each in request["partitions"]
        ]
        return known(self.consumer.offsets_for_times(asked, WAIT_SECONDS))

    def beginning_offsets(self, request):
        return self._watermarks(request, 0)

    def end_offsets(self, request):
        return self._watermarks(request, 1)

    def _watermarks(self, request, which):
        offsets = []
        for each in request["partitions"]:
            partition = TopicPartition(each["topic"], each["partition"])
            marks = self.consumer.get_watermark_offsets(partition, WAIT_SECONDS)
            offsets.append({**each, "offset": marks[which]})
        return {"offsets": offsets}

    def pause(self, request):
        self.consumer.pause(placed(request["partitions"]))

    def resume(self, request):
        self.consumer.resume(placed(request["partitions"]))

    def close(self, request):
        self.consumer.close()


def consumer_settings(request):
    config = request.get("config") or {}
    settings = {
        "group.id": request.get("group") or f"none-{uuid.uuid4()}",
        "enable.auto.commit": False,
        "auto.offset.reset": {"none": "error"}.get(
            config.get("offsetReset"), config.get("offsetReset", "latest")
        ),
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
    }
    if "isolation" in config:
        settings["isolation.level"] = config["isolation"]
    if "instanceId" in config:
        settings["group.instance.id"] = config["instanceId"]
    assignor = config.get("assignor")
    if config.get("protocol") == "consumer":
        settings["group.protocol"] = "consumer"
        if assignor not in (None, "uniform", "range"):
            raise unsupported(f"assignor {assignor} with the consumer protocol")
        if assignor is not None:
            settings["group.remote.assignor"] = assignor
        if "rebalanceTimeoutMs" in config:
            settings["max.poll.interval.ms"] = config["rebalanceTimeoutMs"]
        return settings
    if assignor not in (None, "range", "roundrobin", "cooperative-sticky"):
        raise unsupported(f"assignor {assignor}")
    session_ms = config.get("sessionTimeoutMs", 45_000)
    settings["partition.assignment.strategy"] = assignor or "range"
    settings["session.timeout.ms"] = session_ms
    settings["heartbeat.interval.ms"] = config.get("heartbeatMs", min(3_000, session_ms // 3))
    if "rebalanceTimeoutMs" in config:
        settings["max.poll.interval.ms"] = max(config["rebalanceTimeoutMs"], session_ms)
    return settings


class AdminHandle(Handle):
    def __init__(self, handles, request):
        self.admin = AdminClient(common(request))

    def create_topics(self, request):
        topics = [
            NewTopic(
                each["name"],
                num_partitions=each.get("partitions", -1),
                replication_factor=each.get("replicationFactor", -1),
                config=each.get("configs") or {},
            )
            for each in request["topics"]
        ]
        options = {"validate_only": request.get("validateOnly", False)}
        results(self.admin.create_topics(topics, operation_timeout=WAIT_SECONDS, **options))

    def delete_topics(self, request):
        results(self.admin.delete_topics(request["topics"], operation_timeout=WAIT_SECONDS))

    def describe_topics(self, request):
        found = results(self.admin.describe_topics(TopicCollection(request["topics"])))
        return {
            "topics": [
                {
                    "name": topic.name,
                    "partitions": [
                        {
                            "partition": each.id,
                            "leader": each.leader.id,
                            "replicas": [node.id for node in each.replicas],
                            "isr": [node.id for node in each.isr],
                        }
                        for each in topic.partitions
                    ],
                }
                for topic in found.values()
            ]
        }

    def create_partitions(self, request):
        wanted = [NewPartitions(each["name"], each["partitions"]) for each in request["topics"]]
        results(self.admin.create_partitions(wanted, operation_timeout=WAIT_SECONDS))

    def list_groups(self, request):
        found = self.admin.list_consumer_groups().result()
        if found.errors:
            raise found.errors[0]
        return {"groups": [summary(each) for each in found.valid]}

    def describe_groups(self, request):
        found = results(self.admin.describe_consumer_groups(request["groups"]))
        return {
            "groups": [
                {
                    **summary(group),
                    "members": [
                        {
                            "memberId": member.member_id,
                            "instanceId": member.group_instance_id,
                            "clientId": member.client_id,
                            "assignment": pairs(member.assignment.topic_partitions),
                        }
                        for member in group.members
                    ],
                }
                for group in found.values()
            ]
        }

    def delete_groups(self, request):
        results(self.admin.delete_consumer_groups(request["groups"]))

    def list_offsets(self, request):
        asked = [ConsumerGroupTopicPartitions(request["group"])]
        found = results(self.admin.list_consumer_group_offsets(asked))
        return known(found[request["group"]].topic_partitions)

    def describe_configs(self, request):
        asked = [ConfigResource(kind(each), each["name"]) for each in request["resources"]]
        found = results(self.admin.describe_configs(asked))
        return {
            "resources": [
                {
                    "type": resource.restype.name.lower(),
                    "name": resource.name,
                    "configs": {entry.name: entry.value for entry in entries.values()},
                }
                for resource, entries in found.items()
            ]
        }

    def alter_configs(self, request):
        changes = [
            ConfigResource(kind(each), each["name"], incremental_configs=entries(each))
            for each in request["resources"]
        ]
        results(self.admin.incremental_alter_configs(changes))

    def delete_records(self, request):
        found = results(self.admin.delete_records(placed(request["offsets"])))
        return {
            "offsets": [
                {"topic": each.topic, "partition": each.partition, "offset": deleted.low_watermark}
                for each, deleted in found.items()
            ]
        }

    def close(self, request):
        self.admin = None


def kind(resource):
    return ConfigResource.Type[resource["type"].upper()]


def entries(resource):
    changes = {
        AlterConfigOpType.SET: resource.get("set") or {},
        AlterConfigOpType.DELETE: dict.fromkeys(resource.get("delete") or []),
    }
    return [
        ConfigEntry(name, value, incremental_operation=operation)
        for operation, values in changes.items()
        for name, value in values.items()
    ]


def summary(group):
    return {
        "group": group.group_id,
        "state": STATES.get(group.state.name, group.state.name.title()),
        "type": group.type.name.lower(),
    }


def results(futures):
    return {key: future.result() for key, future in futures.items()}


def placed(partitions):
    """The library's partitions, with offsets where the request has them."""
    return [
        TopicPartition(each["topic"], each["partition"], SPECIAL.get(offset, offset))
        for each in partitions
        for offset in [each.get("offset", confluent_kafka.OFFSET_INVALID)]
    ]


def pairs(partitions):
    return [{"topic": each.topic, "partition": each.partition} for each in partitions]


def raise_first(partitions):
    for each in partitions or []:
        if each.error is not None:
            raise KafkaException(each.error)


def known(partitions):
    """Offsets of an answer; what the library marks by a negative number is unknown."""
    raise_first(partitions)
    return {
        "offsets": [
            {
                "topic": each.topic,
                "partition": each.partition,
                "offset": each.offset if each.offset >= 0 else None,
            }
            for each in partitions
        ]
    }


PASSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
}
"""What the library tells about while it goes on: it tries again by itself."""


def passing(message):
    error = message.error()
    if error is None or error.fatal() or error.code() not in PASSING:
        return False
    print(error.str(), file=sys.stderr)
    return True


def read(message):
    if message.error() is not None:
        raise KafkaException(message.error())
    return record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        message.headers(),
    )


def underlying(text):
    """The code that a fatal error came from, which the library gives only in its text."""
    texts = {KafkaError(code).str(): code for code in range(1, 134)}
    return next((code for each, code in texts.items() if each in text), KafkaError._FATAL)


def failure_of(error):
    if isinstance(error, Failure):
        return error
    if not isinstance(error, KafkaException):
        return None
    cause = error.args[0]
    code = cause.code()
    if code == KafkaError._FATAL:
        code = underlying(cause.str())
    name = name_of(code) if code > 0 else KafkaError(code).name()
    return Failure(
        name, cause.str(), cause.retriable(), cause.fatal(), cause.txn_requires_abort()
    )


FEATURES = """
    idempotent transactions groups static cooperative group-consumer regex pause seek-time headers
    timestamps admin read-committed codec:none codec:gzip codec:snappy codec:lz4 codec:zstd crash
    manual-partition keyed
    sasl:PLAIN sasl:SCRAM-SHA-256 sasl:SCRAM-SHA-512 sasl:OAUTHBEARER
""".split()

HELLO = {
    "client": "confluent-kafka",
    "version": confluent_kafka.version(),
    "features": FEATURES,
}

if __name__ == "__main__":
    kinds = {"producer": ProducerHandle, "consumer": ConsumerHandle, "admin": AdminHandle}
    Adapter(HELLO, kinds, failure_of).run()
