// Exceptions as the adapter's errors: Kafka's own name of the code where the exception has one, the
// exception's class name where the client made it up (CommitFailedException, ...).
package adapter;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

final class Failures {
  /** A producer that saw one of these must be closed, by the documentation of KafkaProducer. */
  private static final Set<String> FATAL =
      Set.of(
          "PRODUCER_FENCED",
          "FENCED_INSTANCE_ID",
          "OUT_OF_ORDER_SEQUENCE_NUMBER",
          "UNSUPPORTED_VERSION",
          "INVALID_PRODUCER_ID_MAPPING",
          "TRANSACTIONAL_ID_NOT_FOUND",
          "IllegalStateException");

  private Failures() {}

  static ObjectNode describe(Throwable thrown) {
    Throwable error = root(thrown);
    String code = code(error);
    boolean retriable = error instanceof RetriableException;
    boolean fatal = FATAL.contains(code) || error instanceof AuthorizationException;
    ObjectNode described = Adapter.JSON.createObjectNode();
    described.put("code", code);
    described.put("message", String.valueOf(error.getMessage()));
    described.put("retriable", retriable);
    described.put("fatal", fatal);
    described.put("abortable", error instanceof KafkaException && !fatal && !retriable);
    return described;
  }

  private static String code(Throwable error) {
    if (error instanceof Unsupported) return "UNSUPPORTED";
    Errors known = Errors.forException(error);
    if (known != Errors.UNKNOWN_SERVER_ERROR) return known.name();
    return error.getClass().getSimpleName();
  }

  /** The client wraps what the broker said, in futures and in "an error state" of transactions. */
  private static Throwable root(Throwable thrown) {
    Throwable error = thrown;
    while (error.getCause() != null
        && (error instanceof ExecutionException || error.getClass() == KafkaException.class)) {
      error = error.getCause();
    }
    return error;
  }
}
