// Between JSON and the client's types: bytes are base64 or null, partitions are {topic, partition}.
package adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

final class Fields {
  private Fields() {}

  static boolean has(JsonNode node, String name) {
    return node.hasNonNull(name);
  }

  static byte[] bytes(JsonNode node) {
    return node == null || node.isNull() || node.isMissingNode()
        ? null
        : Base64.getDecoder().decode(node.asText());
  }

  static String text(byte[] bytes) {
    return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
  }

  static TopicPartition partition(JsonNode node) {
    return new TopicPartition(node.path("topic").asText(), node.path("partition").asInt());
  }

  static List<TopicPartition> partitions(JsonNode request) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (JsonNode node : request.path("partitions")) partitions.add(partition(node));
    return partitions;
  }

  static List<String> names(JsonNode array) {
    List<String> names = new ArrayList<>();
    for (JsonNode node : array) names.add(node.isObject() ? node.path("name").asText() : node.asText());
    return names;
  }

  static Map<String, String> map(JsonNode object) {
    Map<String, String> map = new LinkedHashMap<>();
    object.fields().forEachRemaining((field) -> map.put(field.getKey(), field.getValue().asText()));
    return map;
  }

  static Map<TopicPartition, OffsetAndMetadata> offsets(JsonNode array) {
    Map<TopicPartition, OffsetAndMetadata> offsets = new LinkedHashMap<>();
    for (JsonNode node : array) {
      String metadata = node.path("metadata").asText("");
      offsets.put(
          partition(node),
          new OffsetAndMetadata(node.path("offset").asLong(), Optional.empty(), metadata));
    }
    return offsets;
  }

  static ObjectNode node(TopicPartition partition) {
    ObjectNode node = Adapter.JSON.createObjectNode();
    node.put("topic", partition.topic());
    node.put("partition", partition.partition());
    return node;
  }

  static ArrayNode nodes(Collection<TopicPartition> partitions) {
    ArrayNode nodes = Adapter.JSON.createArrayNode();
    for (TopicPartition partition : partitions) nodes.add(node(partition));
    return nodes;
  }

  /** `{offsets: [{topic, partition, offset}]}`, null where `offset` gives none. */
  static ObjectNode offsets(
      Collection<TopicPartition> partitions, Function<TopicPartition, Long> offset) {
    ObjectNode answer = Adapter.JSON.createObjectNode();
    ArrayNode offsets = answer.putArray("offsets");
    for (TopicPartition partition : partitions) {
      offsets.add(node(partition).put("offset", offset.apply(partition)));
    }
    return answer;
  }

  static ObjectNode nothing() {
    return Adapter.JSON.createObjectNode();
  }
}
