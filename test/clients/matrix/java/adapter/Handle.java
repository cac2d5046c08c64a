// What all handles share: one thread each, and the shape of a request.
package adapter;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public abstract class Handle {
  private final ExecutorService thread = Executors.newSingleThreadExecutor();

  /** Serves one request on the handle's thread; `verb` is what stands behind the dot. */
  public abstract JsonNode serve(String verb, JsonNode request) throws Exception;

  public abstract void close();

  final Future<?> submit(Runnable task) {
    return thread.submit(task);
  }

  final <T> Future<T> ask(Callable<T> task) {
    return thread.submit(task);
  }

  final void endThread() {
    thread.shutdown();
  }

  final void closeQuietly() {
    try {
      close();
    } catch (RuntimeException error) {
      error.printStackTrace();
    }
  }
}
