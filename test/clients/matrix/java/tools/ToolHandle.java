// tool.run {main, args, stdin?, timeoutMs?, fork?} -> {exit, stdout, stderr}: the `main` of one of Kafka's
// tools as its shell script would call it. `exit` is null when it did not end in time. A tool that does
// part of its work while the JVM shuts down needs `fork`, a JVM of its own.
package tools;

import adapter.Handle;
import adapter.Unsupported;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.utils.Exit;

public final class ToolHandle extends Handle {
  private static final long DEFAULT_TIMEOUT_MS = 60_000;
  private static final long HOOKS_WITHIN_MS = 10_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What ends a tool in place of the process. */
  private static final class Ended extends Error {
    private static final long serialVersionUID = 1L;

    Ended() {
      super("the tool has ended", null, false, false);
    }
  }

  /** One run; its standard streams are the process's while it lasts. */
  private static final class Run {
    final ByteArrayOutputStream out = new ByteArrayOutputStream();
    final ByteArrayOutputStream err = new ByteArrayOutputStream();
    final List<Runnable> hooks = new ArrayList<>();
    volatile Integer exit;
  }

  private static volatile Run running = new Run();

  /** To be called before any tool runs: their exits then end the tool and not this process. */
  static void takeExits() {
    Exit.setExitProcedure(ToolHandle::exit);
    Exit.setHaltProcedure(ToolHandle::exit);
    Exit.setShutdownHookAdder((name, hook) -> running.hooks.add(hook));
  }

  private static void exit(int code, String message) {
    Run run = running;
    // The first exit counts: a tool that catches everything may exit again because of the first.
    if (run.exit == null) run.exit = code;
    silence();
    throw new Ended();
  }

  @Override
  public JsonNode serve(String verb, JsonNode request) throws Exception {
    switch (verb) {
      case "open":
      case "close":
        return JSON.createObjectNode();
      case "run":
        if (request.path("fork").asBoolean(false)) return forked(request);
        synchronized (ToolHandle.class) {
          return run(request);
        }
      default:
        throw new Unsupported("tool." + verb);
    }
  }

  @Override
  public void close() {}

  /** What a tool prints about our way of ending it is not its output. */
  private static void silence() {
    System.setOut(new PrintStream(OutputStream.nullOutputStream()));
    System.setErr(new PrintStream(OutputStream.nullOutputStream()));
  }

  private static ObjectNode forked(JsonNode request) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(request.path("main").asText());
    for (JsonNode arg : request.path("args")) command.add(arg.asText());
    Path out = Files.createTempFile("ottla-tool", ".out");
    Path err = Files.createTempFile("ottla-tool", ".err");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      process.getOutputStream().write(input(request));
      process.getOutputStream().close();
      long timeoutMs = request.path("timeoutMs").asLong(DEFAULT_TIMEOUT_MS);
      boolean inTime = process.waitFor(timeoutMs, TimeUnit.MILLISECONDS);
      if (!inTime) process.destroyForcibly().waitFor();
      Integer exit = inTime ? process.exitValue() : null;
      return answer(exit, Files.readString(out), Files.readString(err));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }

  private static byte[] input(JsonNode request) {
    return request.path("stdin").asText("").getBytes(StandardCharsets.UTF_8);
  }

  private static ObjectNode answer(Integer exit, String out, String err) {
    ObjectNode answer = JSON.createObjectNode();
    answer.put("exit", exit);
    answer.put("stdout", out);
    answer.put("stderr", err);
    return answer;
  }

  private static ObjectNode run(JsonNode request) throws Exception {
    Method main = Class.forName(request.path("main").asText()).getMethod("main", String[].class);
    List<String> args = new ArrayList<>();
    for (JsonNode arg : request.path("args")) args.add(arg.asText());
    Run run = new Run();
    running = run;
    PrintStream out = System.out;
    PrintStream err = System.err;
    InputStream in = System.in;
    capture(run);
    System.setIn(new ByteArrayInputStream(input(request)));
    try {
      Thread tool = start("tool", () -> call(main, args.toArray(new String[0]), run));
      tool.join(request.path("timeoutMs").asLong(DEFAULT_TIMEOUT_MS));
      boolean inTime = !tool.isAlive();
      capture(run);
      hooks(run);
      if (!inTime) {
        stuck(tool);
        run.exit = null;
      }
    } finally {
      System.setOut(out);
      System.setErr(err);
      System.setIn(in);
    }
    return answer(
        run.exit,
        run.out.toString(StandardCharsets.UTF_8),
        run.err.toString(StandardCharsets.UTF_8));
  }

  private static void capture(Run run) {
    System.setOut(new PrintStream(run.out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(run.err, true, StandardCharsets.UTF_8));
  }

  private static void call(Method main, String[] args, Run run) {
    int code = 0;
    try {
      main.invoke(null, (Object) args);
    } catch (InvocationTargetException thrown) {
      if (!(thrown.getCause() instanceof Ended)) {
        // As the JVM would say it.
        code = 1;
        System.err.print("Exception in thread \"main\" ");
        thrown.getCause().printStackTrace();
      }
    } catch (IllegalAccessException impossible) {
      throw new IllegalStateException(impossible);
    }
    if (run.exit == null) run.exit = code;
  }

  /** Hooks by Kafka's own way; those by Java's run only when a JVM ends. */
  private static void hooks(Run run) throws InterruptedException {
    for (Runnable hook : run.hooks) start("hook", hook).join(HOOKS_WITHIN_MS);
  }

  private static void stuck(Thread tool) throws InterruptedException {
    for (StackTraceElement frame : tool.getStackTrace()) System.err.println("  at " + frame);
    tool.interrupt();
    tool.join(1_000);
  }

  private static Thread start(String name, Runnable task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (Ended ended) {
                // A hook that exits has nothing left to do.
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
