// How a producer or a consumer logs in, in the client's own settings.
package adapter;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

final class Login {
  private static final String MODULES = "org.apache.kafka.common.security.";

  private Login() {}

  /** Adds what `sasl` of a request says to the settings of a client; nothing without it. */
  static void add(Map<String, Object> config, JsonNode request) {
    if (!Fields.has(request, "sasl")) return;
    JsonNode sasl = request.path("sasl");
    String mechanism = sasl.path("mechanism").asText();
    config.put("security.protocol", "SASL_PLAINTEXT");
    config.put("sasl.mechanism", mechanism);
    String user = " required username=\"" + sasl.path("username").asText() + "\"";
    String password = " password=\"" + sasl.path("password").asText() + "\";";
    switch (mechanism) {
      case "PLAIN":
        config.put("sasl.jaas.config", MODULES + "plain.PlainLoginModule" + user + password);
        break;
      case "OAUTHBEARER":
        String token = " token=\"" + sasl.path("token").asText() + "\";";
        config.put("sasl.login.callback.handler.class", GivenToken.class);
        config.put("sasl.jaas.config", MODULES + "oauthbearer.OAuthBearerLoginModule" + user + token);
        break;
      default:
        config.put("sasl.jaas.config", MODULES + "scram.ScramLoginModule" + user + password);
    }
  }
}
