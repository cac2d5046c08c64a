// streams.open {bootstrap, config: {applicationId, input, output, stateDir}}: one instance of a Kafka
// Streams application that counts the words of the input's values, exactly once. Splitting changes the key,
// so the words go through a repartition topic; the counts are a store with a changelog topic.
package streams;

import adapter.Handle;
import adapter.Unsupported;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

public final class WordCount extends Handle {
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(15);
  private static final ObjectMapper JSON = new ObjectMapper();

  private KafkaStreams streams;

  @Override
  public JsonNode serve(String verb, JsonNode request) {
    ObjectNode answer = JSON.createObjectNode();
    switch (verb) {
      case "open":
        open(request.path("bootstrap").asText(), request.path("config"));
        return answer;
      case "state":
        return answer.put("state", streams.state().name());
      case "close":
        close();
        return answer;
      default:
        throw new Unsupported("streams." + verb);
    }
  }

  @Override
  public void close() {
    if (streams != null) streams.close(CLOSE_WITHIN);
  }

  private void open(String bootstrap, JsonNode config) {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, config.path("applicationId").asText());
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, config.path("stateDir").asText());
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "2");
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "100");
    // A killed instance is found out as fast as a broker allows by default.
    properties.put(StreamsConfig.consumerPrefix("session.timeout.ms"), "6000");
    properties.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), "500");
    properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    properties.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), "10000");
    streams = new KafkaStreams(topology(config), properties);
    streams.setUncaughtExceptionHandler(
        (error) -> {
          error.printStackTrace();
          return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
    streams.start();
  }

  private static Topology topology(JsonNode config) {
    StreamsBuilder builder = new StreamsBuilder();
    KStream<byte[], String> lines =
        builder.stream(
            config.path("input").asText(), Consumed.with(Serdes.ByteArray(), Serdes.String()));
    lines
        .flatMapValues((line) -> List.of(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.with("words", Serdes.String(), Serdes.String()))
        .count(
            Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts")
                .withKeySerde(Serdes.String())
                .withValueSerde(Serdes.Long()))
        .toStream()
        .mapValues((count) -> Long.toString(count))
        .to(config.path("output").asText(), Produced.with(Serdes.String(), Serdes.String()));
    return builder.build();
  }
}
