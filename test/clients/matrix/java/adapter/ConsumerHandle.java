// consumer.*: KafkaConsumer with byte arrays, automatic commits off.
package adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Constructor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

final class ConsumerHandle extends Handle {
  /** Rebalance callbacks do not end a poll of the client, so a poll is made of short ones. */
  private static final long SLICE_MS = 50;

  private static final long METADATA_WITHIN_SECONDS = 30;
  private static final Map<String, Class<?>> ASSIGNORS =
      Map.of(
          "range", RangeAssignor.class,
          "roundrobin", RoundRobinAssignor.class,
          "sticky", StickyAssignor.class,
          "cooperative-sticky", CooperativeStickyAssignor.class);

  private KafkaConsumer<byte[], byte[]> consumer;
  private boolean serverSide;

  /** Polled and not yet handed out: the client's own limit per poll is fixed when it is opened. */
  private final Deque<ConsumerRecord<byte[], byte[]>> buffered = new ArrayDeque<>();

  /** What a commit without offsets commits: behind the last record handed out. */
  private final Map<TopicPartition, OffsetAndMetadata> consumed = new LinkedHashMap<>();

  private ArrayNode events = Adapter.JSON.createArrayNode();

  @Override
  public JsonNode serve(String verb, JsonNode request) throws Exception {
    List<TopicPartition> partitions = Fields.partitions(request);
    switch (verb) {
      case "open":
        open(request);
        break;
      case "subscribe":
        subscribe(request);
        break;
      case "assign":
        assign(request.path("partitions"), partitions);
        break;
      case "poll":
        return poll(request.path("maxRecords").asInt(500), request.path("timeoutMs").asLong(0));
      case "commit":
        commit(request);
        break;
      case "committed":
        return committed(partitions);
      case "position":
        return Fields.offsets(partitions, this::position);
      case "seek":
        seek(request);
        break;
      case "offsetsForTimes":
        return offsetsForTimes(request, partitions);
      case "endOffsets":
        return Fields.offsets(partitions, consumer.endOffsets(partitions)::get);
      case "beginningOffsets":
        return Fields.offsets(partitions, consumer.beginningOffsets(partitions)::get);
      case "pause":
        consumer.pause(partitions);
        break;
      case "resume":
        consumer.resume(partitions);
        break;
      case "close":
        close();
        break;
      default:
        throw new Unsupported("consumer." + verb);
    }
    return Fields.nothing();
  }

  @Override
  public void close() {
    if (consumer != null) consumer.close();
  }

  /** Asked from a producer's thread; the client allows one thread at a time. */
  ConsumerGroupMetadata groupMetadata() throws Exception {
    return ask(() -> consumer.groupMetadata()).get(METADATA_WITHIN_SECONDS, TimeUnit.SECONDS);
  }

  private void open(JsonNode request) {
    JsonNode options = request.path("config");
    Map<String, Object> config = new HashMap<>();
    config.put("bootstrap.servers", request.path("bootstrap").asText());
    Login.add(config, request);
    config.put("enable.auto.commit", "false");
    // A new topic that matches a pattern, or a new partition, is seen with the next metadata.
    config.put("metadata.max.age.ms", "1000");
    // A deleted topic must not come back because a member still asks for it.
    config.put("allow.auto.create.topics", "false");
    if (Fields.has(request, "group")) config.put("group.id", request.path("group").asText());
    copy(options, "instanceId", config, "group.instance.id");
    copy(options, "isolation", config, "isolation.level");
    copy(options, "offsetReset", config, "auto.offset.reset");
    copy(options, "rebalanceTimeoutMs", config, "max.poll.interval.ms");
    serverSide = options.path("protocol").asText().equals("consumer");
    if (serverSide) consumerProtocol(options, config);
    else classicProtocol(options, config);
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    consumer = new KafkaConsumer<>(config, bytes, bytes);
  }

  private static void classicProtocol(JsonNode options, Map<String, Object> config) {
    copy(options, "sessionTimeoutMs", config, "session.timeout.ms");
    copy(options, "heartbeatMs", config, "heartbeat.interval.ms");
    if (!Fields.has(options, "assignor")) return;
    Class<?> assignor = ASSIGNORS.get(options.path("assignor").asText());
    if (assignor == null) throw new Unsupported("assignor " + options.path("assignor").asText());
    config.put("partition.assignment.strategy", List.of(assignor));
  }

  /** Session timeout and heartbeat interval are the group's settings at the broker (KIP-848). */
  private static void consumerProtocol(JsonNode options, Map<String, Object> config) {
    config.put("group.protocol", "consumer");
    copy(options, "assignor", config, "group.remote.assignor");
  }

  private static void copy(JsonNode from, String name, Map<String, Object> to, String kafka) {
    if (Fields.has(from, name)) to.put(kafka, from.path(name).asText());
  }

  private void subscribe(JsonNode request) throws Exception {
    ConsumerRebalanceListener listener = listener();
    if (!Fields.has(request, "pattern")) {
      consumer.subscribe(Fields.names(request.path("topics")), listener);
      return;
    }
    String pattern = request.path("pattern").asText();
    if (!serverSide || !subscribeAtServer(pattern, listener)) {
      consumer.subscribe(Pattern.compile(pattern), listener);
    }
  }

  /** SubscriptionPattern, which the broker matches, came with 4.0; false in older clients. */
  private boolean subscribeAtServer(String pattern, ConsumerRebalanceListener listener)
      throws Exception {
    Class<?> type;
    try {
      type = Class.forName("org.apache.kafka.clients.consumer.SubscriptionPattern");
    } catch (ClassNotFoundException older) {
      return false;
    }
    Constructor<?> create = type.getConstructor(String.class);
    KafkaConsumer.class
        .getMethod("subscribe", type, ConsumerRebalanceListener.class)
        .invoke(consumer, create.newInstance(pattern), listener);
    return true;
  }

  private void assign(JsonNode wanted, List<TopicPartition> partitions) {
    consumer.assign(partitions);
    buffered.removeIf((record) -> !partitions.contains(partition(record)));
    for (JsonNode node : wanted) {
      TopicPartition partition = Fields.partition(node);
      JsonNode offset = node.path("offset");
      if (offset.isNumber()) seekTo(partition, offset.asLong());
      else if (offset.asText().equals("earliest")) consumer.seekToBeginning(List.of(partition));
      else if (offset.asText().equals("latest")) consumer.seekToEnd(List.of(partition));
    }
  }

  private ObjectNode poll(int maxRecords, long timeoutMs) {
    ArrayNode records = Adapter.JSON.createArrayNode();
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
    drain(records, maxRecords);
    while (records.isEmpty()) {
      long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      Duration slice = Duration.ofMillis(Math.max(0, Math.min(SLICE_MS, leftMs)));
      consumer.poll(slice).forEach(buffered::add);
      drain(records, maxRecords);
      if (!events.isEmpty() || leftMs <= 0) break;
    }
    ObjectNode answer = Fields.nothing();
    answer.set("records", records);
    answer.set("assignment", Fields.nodes(consumer.assignment()));
    answer.set("events", events);
    events = Adapter.JSON.createArrayNode();
    return answer;
  }

  private void drain(ArrayNode records, int maxRecords) {
    Set<TopicPartition> paused = consumer.paused();
    List<ConsumerRecord<byte[], byte[]>> kept = new ArrayList<>();
    while (records.size() < maxRecords && !buffered.isEmpty()) {
      ConsumerRecord<byte[], byte[]> record = buffered.poll();
      if (paused.contains(partition(record))) {
        kept.add(record);
        continue;
      }
      records.add(node(record));
      consumed.put(
          partition(record),
          new OffsetAndMetadata(record.offset() + 1, record.leaderEpoch(), ""));
    }
    for (int i = kept.size() - 1; i >= 0; i--) buffered.addFirst(kept.get(i));
  }

  private static ObjectNode node(ConsumerRecord<byte[], byte[]> record) {
    ObjectNode node = Fields.node(partition(record));
    node.put("offset", record.offset());
    node.put("timestamp", record.timestamp());
    node.put("key", Fields.text(record.key()));
    node.put("value", Fields.text(record.value()));
    ArrayNode headers = node.putArray("headers");
    for (Header header : record.headers()) {
      headers.addArray().add(header.key()).add(Fields.text(header.value()));
    }
    return node;
  }

  private static TopicPartition partition(ConsumerRecord<?, ?> record) {
    return new TopicPartition(record.topic(), record.partition());
  }

  private void commit(JsonNode request) {
    if (Fields.has(request, "offsets")) {
      consumer.commitSync(Fields.offsets(request.path("offsets")));
    } else {
      consumer.commitSync(new HashMap<>(consumed));
    }
  }

  private ObjectNode committed(List<TopicPartition> partitions) {
    Map<TopicPartition, OffsetAndMetadata> found = consumer.committed(new HashSet<>(partitions));
    return Fields.offsets(
        partitions,
        (partition) -> Optional.ofNullable(found.get(partition)).map(OffsetAndMetadata::offset).orElse(null));
  }

  private Long position(TopicPartition partition) {
    return buffered.stream()
        .filter((record) -> partition(record).equals(partition))
        .findFirst()
        .map(ConsumerRecord::offset)
        .orElseGet(() -> consumer.position(partition));
  }

  private void seek(JsonNode request) {
    TopicPartition partition = Fields.partition(request);
    JsonNode offset = request.path("offset");
    if (offset.isNumber()) {
      seekTo(partition, offset.asLong());
      return;
    }
    forget(List.of(partition));
    if (offset.asText().equals("earliest")) consumer.seekToBeginning(List.of(partition));
    else consumer.seekToEnd(List.of(partition));
  }

  private void seekTo(TopicPartition partition, long offset) {
    forget(List.of(partition));
    consumer.seek(partition, offset);
  }

  private ObjectNode offsetsForTimes(JsonNode request, List<TopicPartition> partitions) {
    Map<TopicPartition, Long> times = new HashMap<>();
    for (JsonNode node : request.path("partitions")) {
      times.put(Fields.partition(node), node.path("timestamp").asLong());
    }
    Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(times);
    return Fields.offsets(
        partitions,
        (partition) -> Optional.ofNullable(found.get(partition)).map(OffsetAndTimestamp::offset).orElse(null));
  }

  private void forget(Collection<TopicPartition> partitions) {
    buffered.removeIf((record) -> partitions.contains(partition(record)));
    partitions.forEach(consumed::remove);
  }

  private ConsumerRebalanceListener listener() {
    return new ConsumerRebalanceListener() {
      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        note("assigned", partitions);
      }

      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        note("revoked", partitions);
        forget(partitions);
      }

      @Override
      public void onPartitionsLost(Collection<TopicPartition> partitions) {
        note("lost", partitions);
        forget(partitions);
      }
    };
  }

  private void note(String type, Collection<TopicPartition> partitions) {
    events.addObject().put("type", type).set("partitions", Fields.nodes(partitions));
  }
}
