// producer.*: KafkaProducer with byte arrays.
package adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

final class ProducerHandle extends Handle {
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(10);
  private static final Map<String, String> NAMES =
      Map.of(
          "idempotence", "enable.idempotence",
          "acks", "acks",
          "codec", "compression.type",
          "transactionalId", "transactional.id",
          "transactionTimeoutMs", "transaction.timeout.ms",
          "lingerMs", "linger.ms",
          "maxInFlight", "max.in.flight.requests.per.connection",
          "maxRequestBytes", "max.request.size");

  private final Function<String, ConsumerHandle> consumers;
  private KafkaProducer<byte[], byte[]> producer;

  ProducerHandle(Function<String, ConsumerHandle> consumers) {
    this.consumers = consumers;
  }

  @Override
  public JsonNode serve(String verb, JsonNode request) throws Exception {
    switch (verb) {
      case "open":
        open(request);
        break;
      case "send":
        return send(request);
      case "init":
        producer.initTransactions();
        break;
      case "begin":
        producer.beginTransaction();
        break;
      case "commit":
        producer.commitTransaction();
        break;
      case "abort":
        producer.abortTransaction();
        break;
      case "sendOffsets":
        ConsumerGroupMetadata group =
            consumers.apply(request.path("consumer").asText()).groupMetadata();
        producer.sendOffsetsToTransaction(Fields.offsets(request.path("offsets")), group);
        break;
      case "close":
        close();
        break;
      default:
        throw new Unsupported("producer." + verb);
    }
    return Fields.nothing();
  }

  @Override
  public void close() {
    if (producer != null) producer.close(CLOSE_WITHIN);
  }

  private void open(JsonNode request) {
    Map<String, Object> config = new HashMap<>();
    config.put("bootstrap.servers", request.path("bootstrap").asText());
    Fields.map(request.path("config")).forEach((name, value) -> config.put(known(name), value));
    Login.add(config, request);
    if (config.containsKey("max.request.size")) config.put("buffer.memory", "67108864");
    ByteArraySerializer bytes = new ByteArraySerializer();
    producer = new KafkaProducer<>(config, bytes, bytes);
  }

  private static String known(String name) {
    String kafka = NAMES.get(name);
    if (kafka == null) throw new Unsupported("producer option " + name);
    return kafka;
  }

  private ObjectNode send(JsonNode request) throws Exception {
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (JsonNode record : request.path("records")) {
      sent.add(producer.send(record(request.path("topic").asText(), record)));
    }
    producer.flush();
    ObjectNode answer = Fields.nothing();
    ArrayNode acks = answer.putArray("acks");
    for (Future<RecordMetadata> one : sent) {
      RecordMetadata metadata = one.get();
      acks.addObject().put("partition", metadata.partition()).put("offset", metadata.offset());
    }
    return answer;
  }

  private static ProducerRecord<byte[], byte[]> record(String topic, JsonNode record) {
    List<Header> headers = new ArrayList<>();
    for (JsonNode header : record.path("headers")) {
      headers.add(new RecordHeader(header.path(0).asText(), Fields.bytes(header.path(1))));
    }
    Integer partition = Fields.has(record, "partition") ? record.path("partition").asInt() : null;
    Long timestamp = Fields.has(record, "timestamp") ? record.path("timestamp").asLong() : null;
    byte[] key = Fields.bytes(record.path("key"));
    byte[] value = Fields.bytes(record.path("value"));
    return new ProducerRecord<>(topic, partition, timestamp, key, value, headers);
  }
}
