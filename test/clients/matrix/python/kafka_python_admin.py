"""The admin handles of kafka-python: one for 2.0.2, which gives raw responses, one for 3, which gives
dicts and raises. What each cannot do is a verb it does not have.
"""

import re

from kafka import TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic

from adapter import Handle, unsupported

DYNAMIC_TOPIC_CONFIG = 1
"""Kafka's number for a setting that the topic itself has."""


def admin_of(new, common):
    """The handle class for this version of the library; `common` makes settings of a request."""

    class Admin(NewAdmin if new else OldAdmin):
        def __init__(self, handles, request):
            self.admin = KafkaAdminClient(**common(request))

    return Admin


def check(code):
    """Raises Kafka's error of this number, if it is one."""
    if code != 0:
        raise errors.for_code(code)()


def check_named(outcome):
    """Raises the error that 3 gives as `OK` or as `NameOfError` and perhaps more text."""
    if outcome != "OK":
        name = re.search(r"[A-Za-z]+Error", outcome)
        raise getattr(errors, name[0])(outcome) if name else errors.KafkaError(outcome)


def resource(each, configs=None):
    kinds = {"topic": ConfigResourceType.TOPIC, "broker": ConfigResourceType.BROKER}
    if each["type"] not in kinds:
        raise unsupported(f"configurations of a {each['type']}")
    return ConfigResource(kinds[each["type"]], each["name"], configs)


def located(topic, partition, offset):
    return {"topic": topic, "partition": partition, "offset": offset}


def member(member_id, instance_id, client_id, assignment):
    return {
        "memberId": member_id,
        "instanceId": instance_id,
        "clientId": client_id,
        "assignment": assignment,
    }


class OldAdmin(Handle):
    """2.0.2."""

    def create_topics(self, request):
        topics = [
            NewTopic(
                each["name"],
                each["partitions"],
                each.get("replicationFactor", 1),  # Its version of the request knows no default.
                topic_configs=each.get("configs") or {},
            )
            for each in request["topics"]
        ]
        self.admin.create_topics(topics, validate_only=request.get("validateOnly", False))

    def delete_topics(self, request):
        self.admin.delete_topics(request["topics"])

    def describe_topics(self, request):
        topics = []
        for topic in self.admin.describe_topics(request["topics"]):
            check(topic["error_code"])
            partitions = [
                {name: each[name] for name in ("partition", "leader", "replicas", "isr")}
                for each in topic["partitions"]
            ]
            topics.append({"name": topic["topic"], "partitions": partitions})
        return {"topics": topics}

    def create_partitions(self, request):
        wanted = {each["name"]: NewPartitions(each["partitions"]) for each in request["topics"]}
        self.admin.create_partitions(wanted)

    def list_groups(self, request):
        names = [name for name, _ in self.admin.list_consumer_groups()]
        found = self.admin.describe_consumer_groups(names) if names else []
        return {
            "groups": [
                {"group": each.group, "state": each.state, "type": "classic"} for each in found
            ]
        }

    def describe_groups(self, request):
        return {
            "groups": [
                {
                    "group": each.group,
                    "state": each.state,
                    "type": "classic",
                    "members": [self._member(one) for one in each.members],
                }
                for each in self.admin.describe_consumer_groups(request["groups"])
            ]
        }

    def _member(self, each):
        assigned = each.member_assignment.assignment if each.member_assignment else []
        partitions = [
            {"topic": topic, "partition": partition}
            for topic, numbers in assigned
            for partition in numbers
        ]
        return member(each.member_id, None, each.client_id, partitions)

    def delete_groups(self, request):
        for _, error in self.admin.delete_consumer_groups(request["groups"]):
            check(error.errno)

    def list_offsets(self, request):
        found = self.admin.list_consumer_group_offsets(request["group"])
        return {
            "offsets": [
                located(each.topic, each.partition, committed.offset)
                for each, committed in found.items()
            ]
        }

    def describe_configs(self, request):
        resources = []
        for each in request["resources"]:
            entries = self._entries(each)
            configs = {entry[0]: entry[1] for entry in entries}
            resources.append({"type": each["type"], "name": each["name"], "configs": configs})
        return {"resources": resources}

    def _entries(self, each):
        """`(name, value, read only, source, …)` of every setting."""
        [response] = self.admin.describe_configs([resource(each)])
        [(code, _, _, _, entries)] = response.resources
        check(code)
        return entries

    def alter_configs(self, request):
        """The library has only the request that replaces all: what the topic has is sent along."""
        for each in request["resources"]:
            own = {
                entry[0]: entry[1]
                for entry in self._entries(each)
                if entry[3] == DYNAMIC_TOPIC_CONFIG
            }
            own.update(each.get("set") or {})
            for name in each.get("delete") or []:
                own.pop(name, None)
            response = self.admin.alter_configs([resource(each, own)])
            for code, *_ in response.resources:
                check(code)

    def close(self, request):
        self.admin.close()


class NewAdmin(Handle):
    """3."""

    def create_topics(self, request):
        topics = {
            each["name"]: {
                "num_partitions": each.get("partitions", -1),
                "replication_factor": each.get("replicationFactor", -1),
                "configs": each.get("configs") or {},
            }
            for each in request["topics"]
        }
        self.admin.create_topics(topics, validate_only=request.get("validateOnly", False))

    def delete_topics(self, request):
        self.admin.delete_topics(request["topics"])

    def describe_topics(self, request):
        topics = []
        for topic in self.admin.describe_topics(request["topics"]):
            check(topic["error_code"])
            partitions = [
                {
                    "partition": each["partition_index"],
                    "leader": each["leader_id"],
                    "replicas": each["replica_nodes"],
                    "isr": each["isr_nodes"],
                }
                for each in topic["partitions"]
            ]
            topics.append({"name": topic["name"], "partitions": partitions})
        return {"topics": topics}

    def create_partitions(self, request):
        self.admin.create_partitions({each["name"]: each["partitions"] for each in request["topics"]})

    def list_groups(self, request):
        return {
            "groups": [
                {
                    "group": each["group_id"],
                    "state": each["group_state"],
                    "type": each["group_type"],
                }
                for each in self.admin.list_groups()
            ]
        }

    def describe_groups(self, request):
        """It asks by the classic request alone, which knows consumer groups only as dead ones."""
        groups = []
        for name, group in self.admin.describe_groups(request["groups"]).items():
            check_named(group["error"] or "OK")
            groups.append(
                {
                    "group": name,
                    "state": group["group_state"],
                    "type": "classic",
                    "members": [self._member(each) for each in group["members"]],
                }
            )
        return {"groups": groups}

    def _member(self, each):
        assigned = each["member_assignment"] or {"assigned_partitions": []}
        partitions = [
            {"topic": topic["topic"], "partition": partition}
            for topic in assigned["assigned_partitions"]
            for partition in topic["partitions"]
        ]
        return member(each["member_id"], each["group_instance_id"], each["client_id"], partitions)

    def delete_groups(self, request):
        for outcome in self.admin.delete_groups(request["groups"]).values():
            check_named(outcome)

    def list_offsets(self, request):
        found = self.admin.list_group_offsets({request["group"]: None})[request["group"]]
        return {
            "offsets": [
                located(each.topic, each.partition, committed.offset)
                for each, committed in found.items()
            ]
        }

    def delete_offsets(self, request):
        asked = [TopicPartition(each["topic"], each["partition"]) for each in request["partitions"]]
        for error in self.admin.delete_group_offsets(request["group"], asked).values():
            check(error.errno)

    def describe_configs(self, request):
        resources = []
        for each in request["resources"]:
            found = self.admin.describe_configs([self._resource(each)], config_filter="all")
            entries = found[each["type"]][each["name"]]
            if not entries:
                raise unsupported("the error of a resource: the library answers no settings")
            configs = {name: entry["value"] for name, entry in entries.items()}
            resources.append({"type": each["type"], "name": each["name"], "configs": configs})
        return {"resources": resources}

    def _resource(self, each, configs=None):
        kind = getattr(ConfigResourceType, each["type"].upper(), None)
        if kind is None:
            raise unsupported(f"configurations of a {each['type']}")
        return ConfigResource(kind, each["name"], configs)

    def alter_configs(self, request):
        for each in request["resources"]:
            changes = {name: ("SET", value) for name, value in (each.get("set") or {}).items()}
            changes.update({name: ("DELETE", None) for name in each.get("delete") or []})
            done = self.admin.alter_configs(
                [self._resource(each, changes)], raise_on_unknown=False
            )
            check_named(done[each["type"]][each["name"]])

    def delete_records(self, request):
        asked = {
            TopicPartition(each["topic"], each["partition"]): each["offset"]
            for each in request["offsets"]
        }
        found = self.admin.delete_records(asked)
        return {
            "offsets": [
                located(each.topic, each.partition, done["low_watermark"])
                for each, done in found.items()
            ]
        }

    def close(self, request):
        self.admin.close()
