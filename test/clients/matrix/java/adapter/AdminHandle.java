// admin.*: Kafka's Admin client.
package adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DeletedRecords;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;

final class AdminHandle extends Handle {
  private Admin admin;

  @Override
  public JsonNode serve(String verb, JsonNode request) throws Exception {
    switch (verb) {
      case "open":
        admin = Admin.create(Map.of("bootstrap.servers", request.path("bootstrap").asText()));
        return Fields.nothing();
      case "createTopics":
        return createTopics(request);
      case "deleteTopics":
        admin.deleteTopics(Fields.names(request.path("topics"))).all().get();
        return Fields.nothing();
      case "describeTopics":
        return describeTopics(request);
      case "createPartitions":
        return createPartitions(request);
      case "listGroups":
        return listGroups();
      case "describeGroups":
        return describeGroups(request);
      case "deleteGroups":
        admin.deleteConsumerGroups(Fields.names(request.path("groups"))).all().get();
        return Fields.nothing();
      case "listOffsets":
        return listOffsets(request);
      case "alterOffsets":
        admin
            .alterConsumerGroupOffsets(
                request.path("group").asText(), Fields.offsets(request.path("offsets")))
            .all()
            .get();
        return Fields.nothing();
      case "deleteOffsets":
        admin
            .deleteConsumerGroupOffsets(
                request.path("group").asText(), new HashSet<>(Fields.partitions(request)))
            .all()
            .get();
        return Fields.nothing();
      case "describeConfigs":
        return describeConfigs(request);
      case "alterConfigs":
        return alterConfigs(request);
      case "deleteRecords":
        return deleteRecords(request);
      case "close":
        close();
        return Fields.nothing();
      default:
        throw new Unsupported("admin." + verb);
    }
  }

  @Override
  public void close() {
    if (admin != null) admin.close(Duration.ofSeconds(10));
  }

  private ObjectNode createTopics(JsonNode request) throws Exception {
    List<NewTopic> topics = new ArrayList<>();
    for (JsonNode node : request.path("topics")) topics.add(newTopic(node));
    boolean validateOnly = request.path("validateOnly").asBoolean(false);
    admin.createTopics(topics, new CreateTopicsOptions().validateOnly(validateOnly)).all().get();
    return Fields.nothing();
  }

  private static NewTopic newTopic(JsonNode node) {
    Optional<Integer> partitions =
        Fields.has(node, "partitions")
            ? Optional.of(node.path("partitions").asInt())
            : Optional.empty();
    Optional<Short> replicas =
        Fields.has(node, "replicationFactor")
            ? Optional.of((short) node.path("replicationFactor").asInt())
            : Optional.empty();
    NewTopic topic = new NewTopic(node.path("name").asText(), partitions, replicas);
    return topic.configs(Fields.map(node.path("configs")));
  }

  private ObjectNode describeTopics(JsonNode request) throws Exception {
    ObjectNode answer = Fields.nothing();
    ArrayNode topics = answer.putArray("topics");
    Collection<String> names = Fields.names(request.path("topics"));
    Map<String, TopicDescription> found = admin.describeTopics(names).allTopicNames().get();
    for (String name : names) {
      TopicDescription topic = found.get(name);
      ObjectNode node = topics.addObject();
      node.put("name", topic.name());
      node.put("topicId", topic.topicId().toString());
      node.put("internal", topic.isInternal());
      ArrayNode partitions = node.putArray("partitions");
      for (TopicPartitionInfo partition : topic.partitions()) {
        ObjectNode one = partitions.addObject();
        one.put("partition", partition.partition());
        one.put("leader", partition.leader() == null ? -1 : partition.leader().id());
        ArrayNode replicas = one.putArray("replicas");
        partition.replicas().forEach((broker) -> replicas.add(broker.id()));
        ArrayNode isr = one.putArray("isr");
        partition.isr().forEach((broker) -> isr.add(broker.id()));
      }
    }
    return answer;
  }

  private ObjectNode createPartitions(JsonNode request) throws Exception {
    Map<String, NewPartitions> wanted = new HashMap<>();
    for (JsonNode node : request.path("topics")) {
      int total = node.path("partitions").asInt();
      wanted.put(node.path("name").asText(), NewPartitions.increaseTo(total));
    }
    admin.createPartitions(wanted).all().get();
    return Fields.nothing();
  }

  private ObjectNode listGroups() throws Exception {
    ObjectNode answer = Fields.nothing();
    ArrayNode groups = answer.putArray("groups");
    for (ConsumerGroupListing group : admin.listConsumerGroups().all().get()) {
      ObjectNode node = groups.addObject();
      node.put("group", group.groupId());
      node.put("state", group.state().map(Object::toString).orElse(null));
      node.put("type", group.type().map(AdminHandle::lower).orElse(null));
    }
    return answer;
  }

  private ObjectNode describeGroups(JsonNode request) throws Exception {
    ObjectNode answer = Fields.nothing();
    ArrayNode groups = answer.putArray("groups");
    Collection<String> names = Fields.names(request.path("groups"));
    Map<String, KafkaFuture<ConsumerGroupDescription>> found =
        admin.describeConsumerGroups(names).describedGroups();
    for (String name : names) {
      ConsumerGroupDescription group = found.get(name).get();
      ObjectNode node = groups.addObject();
      node.put("group", group.groupId());
      node.put("state", group.state().toString());
      node.put("type", lower(group.type()));
      node.put("assignor", group.partitionAssignor());
      ArrayNode members = node.putArray("members");
      for (MemberDescription member : group.members()) members.add(member(member));
    }
    return answer;
  }

  private static ObjectNode member(MemberDescription member) {
    ObjectNode node = Fields.nothing();
    node.put("memberId", member.consumerId());
    node.put("instanceId", member.groupInstanceId().orElse(null));
    node.put("clientId", member.clientId());
    node.set("assignment", Fields.nodes(member.assignment().topicPartitions()));
    return node;
  }

  private static String lower(Object type) {
    return type.toString().toLowerCase(Locale.ROOT);
  }

  private ObjectNode listOffsets(JsonNode request) throws Exception {
    Map<TopicPartition, OffsetAndMetadata> offsets =
        admin
            .listConsumerGroupOffsets(request.path("group").asText())
            .partitionsToOffsetAndMetadata()
            .get();
    offsets.values().removeIf(Objects::isNull);
    return Fields.offsets(offsets.keySet(), (partition) -> offsets.get(partition).offset());
  }

  private ObjectNode describeConfigs(JsonNode request) throws Exception {
    List<ConfigResource> wanted = new ArrayList<>();
    for (JsonNode node : request.path("resources")) wanted.add(resource(node));
    Map<ConfigResource, Config> found = admin.describeConfigs(wanted).all().get();
    ObjectNode answer = Fields.nothing();
    ArrayNode resources = answer.putArray("resources");
    for (ConfigResource resource : wanted) {
      ObjectNode node = resources.addObject();
      node.put("type", lower(resource.type()));
      node.put("name", resource.name());
      ObjectNode configs = node.putObject("configs");
      for (ConfigEntry entry : found.get(resource).entries()) {
        configs.put(entry.name(), entry.value());
      }
    }
    return answer;
  }

  private static ConfigResource resource(JsonNode node) {
    String type = node.path("type").asText().toUpperCase(Locale.ROOT);
    return new ConfigResource(ConfigResource.Type.valueOf(type), node.path("name").asText());
  }

  private ObjectNode alterConfigs(JsonNode request) throws Exception {
    Map<ConfigResource, Collection<AlterConfigOp>> wanted = new HashMap<>();
    for (JsonNode node : request.path("resources")) {
      List<AlterConfigOp> changes = new ArrayList<>();
      Fields.map(node.path("set"))
          .forEach((name, value) -> changes.add(change(name, value, AlterConfigOp.OpType.SET)));
      for (String name : Fields.names(node.path("delete"))) {
        changes.add(change(name, "", AlterConfigOp.OpType.DELETE));
      }
      wanted.put(resource(node), changes);
    }
    admin.incrementalAlterConfigs(wanted).all().get();
    return Fields.nothing();
  }

  private static AlterConfigOp change(String name, String value, AlterConfigOp.OpType type) {
    return new AlterConfigOp(new ConfigEntry(name, value), type);
  }

  private ObjectNode deleteRecords(JsonNode request) throws Exception {
    Map<TopicPartition, RecordsToDelete> wanted = new HashMap<>();
    for (JsonNode node : request.path("offsets")) {
      RecordsToDelete before = RecordsToDelete.beforeOffset(node.path("offset").asLong());
      wanted.put(Fields.partition(node), before);
    }
    Map<TopicPartition, KafkaFuture<DeletedRecords>> results =
        admin.deleteRecords(wanted).lowWatermarks();
    Map<TopicPartition, Long> low = new HashMap<>();
    for (TopicPartition partition : wanted.keySet()) {
      low.put(partition, results.get(partition).get().lowWatermark());
    }
    return Fields.offsets(wanted.keySet(), low::get);
  }
}
