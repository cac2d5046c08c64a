// The adapter with one kind of handle more: `streams`, one instance of the word count.
package streams;

import adapter.Adapter;
import java.util.Map;

public final class StreamsAdapter {
  private StreamsAdapter() {}

  public static void main(String[] args) throws Exception {
    Adapter.run(Map.of("streams", WordCount::new), "streams");
  }
}
