// Gives the client the token that its JAAS settings have, whatever is in it: the broker is to say what it makes of it.
package adapter;

import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;

/** Public, as the client makes it by reflection. */
public final class GivenToken implements AuthenticateCallbackHandler {
  private static final long LASTS_MS = 3_600_000;

  private Map<String, ?> options = Map.of();

  @Override
  public void configure(
      Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {
    options = entries.get(0).getOptions();
  }

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    for (Callback one : callbacks) {
      if (one instanceof OAuthBearerTokenCallback) {
        ((OAuthBearerTokenCallback) one).token(new Token(option("token"), option("username")));
      } else if (!(one instanceof SaslExtensionsCallback)) {
        throw new UnsupportedCallbackException(one);
      }
    }
  }

  private String option(String name) {
    return String.valueOf(options.get(name));
  }

  @Override
  public void close() {}

  private static final class Token implements OAuthBearerToken {
    private final String value;
    private final String user;
    private final long endsMs = System.currentTimeMillis() + LASTS_MS;

    Token(String value, String user) {
      this.value = value;
      this.user = user;
    }

    @Override
    public String value() {
      return value;
    }

    @Override
    public Set<String> scope() {
      return Set.of();
    }

    @Override
    public long lifetimeMs() {
      return endsMs;
    }

    @Override
    public String principalName() {
      return user;
    }

    @Override
    public Long startTimeMs() {
      return null;
    }
  }
}
