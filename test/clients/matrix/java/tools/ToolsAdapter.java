// The adapter with one kind of handle more: `tool`, which runs Kafka's own command-line tools in this
// process, one at a time, so that one JVM serves all of them.
package tools;

import adapter.Adapter;
import java.util.Map;

public final class ToolsAdapter {
  private ToolsAdapter() {}

  public static void main(String[] args) throws Exception {
    ToolHandle.takeExits();
    Adapter.run(Map.of("tool", ToolHandle::new), "tools");
  }
}
