// The adapter of Kafka's own Java client: one JSON request per line on standard input, one JSON answer
// per line on standard output. The same source is compiled against every version of kafka-clients that
// the matrix drives. Each handle has one thread, so requests of one handle are served in order and those
// of different handles at the same time.
package adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

public final class Adapter {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final long CLOSE_WITHIN_SECONDS = 20;
  private static final List<String> FEATURES =
      List.of(
          "idempotent",
          "transactions",
          "groups",
          "static",
          "cooperative",
          "group-consumer",
          "regex",
          "pause",
          "seek-time",
          "headers",
          "timestamps",
          "admin",
          "read-committed",
          "codec:none",
          "codec:gzip",
          "codec:snappy",
          "codec:lz4",
          "codec:zstd",
          "crash",
          "manual-partition",
          "keyed",
          "sasl:PLAIN",
          "sasl:SCRAM-SHA-256",
          "sasl:SCRAM-SHA-512",
          "sasl:OAUTHBEARER");

  private final Map<String, Handle> handles = new ConcurrentHashMap<>();
  private final Map<String, Supplier<Handle>> kinds = new HashMap<>();
  private final List<String> features;
  private final PrintStream answers;

  private Adapter(PrintStream answers, List<String> features) {
    this.answers = answers;
    this.features = features;
    kinds.put("producer", () -> new ProducerHandle(this::consumer));
    kinds.put("consumer", ConsumerHandle::new);
    kinds.put("admin", AdminHandle::new);
  }

  public static void main(String[] args) throws Exception {
    run(Map.of(), null);
  }

  /**
   * Serves until standard input ends; `more` are further kinds of handles. With `feature` that alone is
   * announced, because the scenarios of the plain client are proven with the plain client.
   */
  public static void run(Map<String, Supplier<Handle>> more, String feature) throws Exception {
    PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    // Whatever else prints must not tear an answer.
    System.setOut(System.err);
    Adapter adapter = new Adapter(answers, feature == null ? FEATURES : List.of(feature));
    adapter.kinds.putAll(more);
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      if (!line.isBlank()) adapter.take(JSON.readTree(line));
    }
    adapter.closeAll();
    Runtime.getRuntime().halt(0);
  }

  private void take(JsonNode request) {
    String verb = request.path("verb").asText();
    try {
      if (verb.equals("hello")) {
        answer(request, hello());
        return;
      }
      String[] parts = verb.split("\\.", 2);
      String name = request.path("handle").asText();
      if (parts.length == 2 && parts[1].equals("open")) {
        Handle fresh = create(parts[0], verb);
        if (handles.putIfAbsent(name, fresh) != null) {
          throw new IllegalArgumentException("handle " + name + " is open already");
        }
      }
      Handle handle = handles.get(name);
      if (!kinds.containsKey(parts[0])) throw new Unsupported(verb);
      if (handle == null) throw new IllegalArgumentException("no handle " + name + " for " + verb);
      handle.submit(() -> serve(handle, name, parts[parts.length - 1], request));
    } catch (Exception error) {
      fail(request, error);
    }
  }

  private void serve(Handle handle, String name, String verb, JsonNode request) {
    boolean closing = verb.equals("close");
    try {
      answer(request, handle.serve(verb, request));
    } catch (Throwable error) {
      closing |= verb.equals("open");
      fail(request, error);
    }
    if (closing) {
      handles.remove(name, handle);
      handle.endThread();
    }
  }

  private Handle create(String kind, String verb) {
    Supplier<Handle> create = kinds.get(kind);
    if (create == null) throw new Unsupported(verb);
    return create.get();
  }

  private ConsumerHandle consumer(String name) {
    Handle handle = handles.get(name);
    if (handle instanceof ConsumerHandle) return (ConsumerHandle) handle;
    throw new IllegalArgumentException("no consumer " + name);
  }

  private ObjectNode hello() throws IOException {
    ObjectNode hello = JSON.createObjectNode();
    hello.put("client", "kafka-clients");
    hello.put("version", version());
    ArrayNode array = hello.putArray("features");
    for (String feature : features) array.add(feature);
    return hello;
  }

  /** From the jar itself: the class that tells it moved between releases. */
  private static String version() throws IOException {
    Properties properties = new Properties();
    try (InputStream file =
        Adapter.class.getClassLoader().getResourceAsStream("kafka/kafka-version.properties")) {
      properties.load(file);
    }
    return properties.getProperty("version");
  }

  private void answer(JsonNode request, JsonNode ok) {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", request.path("id"));
    answer.set("ok", ok);
    write(answer);
  }

  private void fail(JsonNode request, Throwable error) {
    error.printStackTrace();
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", request.path("id"));
    answer.set("error", Failures.describe(error));
    write(answer);
  }

  private synchronized void write(ObjectNode answer) {
    answers.print(answer + "\n");
    answers.flush();
  }

  private void closeAll() throws InterruptedException {
    List<Future<?>> closing = new ArrayList<>();
    for (Handle handle : handles.values()) {
      closing.add(handle.submit(handle::closeQuietly));
    }
    for (Future<?> one : closing) {
      try {
        one.get(CLOSE_WITHIN_SECONDS, TimeUnit.SECONDS);
      } catch (Exception error) {
        error.printStackTrace();
      }
    }
  }
}
