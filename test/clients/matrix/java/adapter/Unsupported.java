package adapter;

/** A verb or an option that this client does not have. */
public final class Unsupported extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public Unsupported(String what) {
    super(what);
  }
}
